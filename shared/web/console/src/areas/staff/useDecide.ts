import { type Ask, isProblem, newKey } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { announce, announceProblem } from '../../ui/problem.tsx';

/** What staff decide, and how it is sent. */
export interface Decision {
  /** What it is, for the message if it fails. */
  what: string;
  send: (ask: Ask) => Promise<unknown>;
  /** What is said once it is done. */
  said: string;
  close: () => void;
}

/**
 * A decision of staff, sent; then everything that staff see is read again, also after a conflict:
 * something else is there by now. After a failure that may pass it may have been carried out all the
 * same, so its next attempt has the same key.
 */
export function useDecide() {
  const queries = useQueryClient();
  const attempt = useRef<{ what: string; key: string } | null>(null);
  return useMutation({
    mutationFn: ({ what, send }: Decision) => {
      if (attempt.current?.what !== what) attempt.current = { what, key: newKey() };
      return send({ idempotencyKey: attempt.current.key });
    },
    onSuccess: (_, { close, said }) => {
      attempt.current = null;
      close();
      announce(said);
      void queries.invalidateQueries({ queryKey: ['staff'] });
    },
    onError: (error, { what }) => {
      if (!isProblem(error) || !error.isTemporary) attempt.current = null;
      announceProblem(error, what);
      if (isProblem(error) && error.status === 409) {
        void queries.invalidateQueries({ queryKey: ['staff'] });
      }
    },
  });
}
