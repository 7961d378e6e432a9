import { useDebouncedValue } from '@mantine/hooks';
import { type BodyOf, type DemoPicture, isProblem } from '@prolight/client';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useRef } from 'react';
import { useApi } from '../../context.tsx';

export type Scene = NonNullable<BodyOf<'post', '/api/v1/studio/previews'>>;

/** How long nothing has to change before a picture is asked for: a drag is not drawn step by step. */
const SETTLED_MS = 120;
const LONGEST_WAIT_MS = 15_000;

export interface Drawn {
  /** The newest picture that could be had, of this scene or of the one before. */
  picture: DemoPicture | undefined;
  /** Whether it is of an earlier scene, and the next one is under way. */
  isLate: boolean;
  /** Why the next one is not there yet, or will not be. */
  trouble: string | undefined;
}

/**
 * The scene as the service draws it. The newest scene wins: the request for an earlier one is
 * aborted. Its picture stays until the next is loaded and can take its place without a gap.
 */
export function useDrawn(scene: Scene, enabled: boolean): Drawn {
  const api = useApi();
  const [settled] = useDebouncedValue(JSON.stringify(scene), SETTLED_MS);
  const last = useRef<DemoPicture>(undefined);
  const query = useQuery({
    queryKey: ['drawn', settled],
    queryFn: async ({ signal }) => {
      const body = JSON.parse(settled) as Scene;
      const drawn = await api.post('/api/v1/studio/previews', body, { signal });
      await loaded(drawn.image.url);
      return drawn;
    },
    enabled,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    retry: (count, error) => (isProblem(error) ? error.isTemporary : count < 2),
    retryDelay: (count, error) =>
      isProblem(error) && error.retryAfterS !== undefined
        ? error.retryAfterS * 1000
        : Math.min(1000 * 2 ** count, LONGEST_WAIT_MS),
  });
  if (query.data) last.current = query.data;
  if (!enabled) return { picture: undefined, isLate: false, trouble: undefined };
  return {
    picture: last.current,
    isLate: query.isFetching,
    trouble: query.isFetching || query.error ? explain(query.failureReason) : undefined,
  };
}

/** Resolves once the browser has the picture, so that it replaces the one before in one step. */
async function loaded(url: string): Promise<void> {
  const image = new Image();
  image.src = url;
  await image.decode();
}

function explain(error: unknown): string | undefined {
  if (error === null) return undefined;
  if (!isProblem(error)) return 'The picture could not be loaded.';
  if (error.status === 429) {
    const waitS = Math.ceil(error.retryAfterS ?? 1);
    return `Many changes in a short time: the next picture follows in ${waitS} s.`;
  }
  if (error.code === 'no_connection' || error.code === 'timeout') {
    return 'No connection: the next picture follows as soon as there is one.';
  }
  if (error.isTemporary) return 'The next picture is late; it is asked for again.';
  return error.errors[0]?.detail ?? error.detail;
}
