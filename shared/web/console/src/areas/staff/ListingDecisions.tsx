import { Checkbox } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { useDecide } from './useDecide.ts';

/** Takes a listing off sale, and its pictures off the web where they must not be seen. */
export function Delist({ id, title, onDone }: { id: string; title: string; onDone?: () => void }) {
  const api = useApi();
  const decide = useDecide();
  const [remove, setRemove] = useState(false);
  return (
    <Confirm
      action="Take it off sale"
      title={`Take “${title}” off sale`}
      danger
      reason="Reason, shown to the creator"
      busy={decide.isPending}
      onConfirm={(reason, close) =>
        decide.mutate({
          what: 'Take it off sale',
          send: () =>
            api.post(`/api/v1/admin/marketplace/listings/${id}/delist`, {
              reason,
              pictures: remove ? 'remove' : 'keep',
            }),
          said: `“${title}” is off sale.`,
          close: () => {
            close();
            onDone?.();
          },
        })
      }
    >
      <div className="stack">
        <p>Nobody can buy it any longer. Buyers keep what they bought.</p>
        <Checkbox
          label="Delete its pictures as well"
          description="For pictures that nobody may see. The creator has to upload others."
          checked={remove}
          onChange={event => setRemove(event.currentTarget.checked)}
        />
      </div>
    </Confirm>
  );
}

/** Removes a review, whose author cannot write another of that listing. */
export function RemoveReview({ listingId, id }: { listingId: string; id: string }) {
  const api = useApi();
  const decide = useDecide();
  const queries = useQueryClient();
  return (
    <Confirm
      action="Remove the review"
      title="Remove the review"
      danger
      reason="Reason, shown to its author"
      busy={decide.isPending}
      onConfirm={(reason, close) =>
        decide.mutate({
          what: 'Remove the review',
          send: () =>
            api.post(`/api/v1/admin/marketplace/listings/${listingId}/reviews/${id}/remove`, {
              reason,
            }),
          said: 'The review is removed.',
          close: () => {
            close();
            void queries.invalidateQueries({ queryKey: ['reviews', listingId] });
            void queries.invalidateQueries({ queryKey: ['listing', listingId] });
          },
        })
      }
    >
      It is no longer shown and no longer counts. Its author cannot write another one of this
      listing.
    </Confirm>
  );
}
