import { useQuery } from '@tanstack/react-query';
import { useApi } from '../../context.tsx';

/** The member's newest purchases of a listing. */
export function useBought(listingId: string, enabled = true) {
  const api = useApi();
  return useQuery({
    queryKey: ['purchases', 'of', listingId],
    queryFn: ({ signal }) =>
      api.get('/api/v1/marketplace/purchases', { listing_id: listingId, limit: 5 }, signal),
    enabled,
  });
}
