import type { Money } from '@prolight/client';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { money } from '../../ui/format.tsx';
import { useDecide } from './useDecide.ts';

/** Records that you pay a buyer whom no refund reaches, outside Stripe. */
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
      action="Pay outside"
      title={`Pay “${title}” back outside Stripe`}
      reason="How you pay it, for staff"
      busy={decide.isPending}
      onConfirm={(reason, close) =>
        decide.mutate({
          what: 'Pay outside',
          send: () =>
            api.post(`/api/v1/admin/purchases/${purchaseId}/paid-back`, { amount: owed, reason }),
          said: `It is recorded. Pay the buyer ${money(owed)} now.`,
          close,
        })
      }
    >
      {money(owed)} is owed to the buyer. Record it before you pay: only one person can, so it is
      paid once. Do it only if an alarm says that no refund reaches them.
    </Confirm>
  );
}
