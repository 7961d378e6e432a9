import type { Money } from '@prolight/client';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { money } from '../../ui/format.tsx';
import { useDecide } from './useDecide.ts';

/** Records that a buyer whom no refund reaches was paid outside Stripe. */
export function PaidBack({
  purchaseId,
  title,
  owed,
}: {
  purchaseId: string;
  title: string;
  owed: Money;
}) {
  const api = useApi();
  const decide = useDecide();
  return (
    <Confirm
      action="Paid back"
      title={`“${title}” was paid back outside Stripe`}
      reason="How it was paid, for staff"
      busy={decide.isPending}
      onConfirm={(reason, close) =>
        decide.mutate({
          what: 'Paid back',
          send: () => api.post(`/api/v1/admin/purchases/${purchaseId}/paid-back`, { reason }),
          said: 'It is recorded. Nothing of it is due any more.',
          close,
        })
      }
    >
      {money(owed)} is owed to the buyer, less what a dispute has taken. Record it after you have
      paid, and only if an alarm says that no refund reaches them.
    </Confirm>
  );
}
