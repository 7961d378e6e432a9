import { NumberInput } from '@mantine/core';
import type { Money } from '@prolight/client';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { decimals, money } from '../../ui/format.tsx';
import { useDecide } from './useDecide.ts';

/** Gives a buyer the money back, all of it or a part. */
export function Refund({
  purchaseId,
  title,
  refundable,
}: {
  purchaseId: string;
  title: string;
  refundable: Money;
}) {
  const api = useApi();
  const decide = useDecide();
  const unit = 10 ** decimals(refundable.currency);
  const [value, setValue] = useState<number | string>(refundable.amount / unit);
  const amount = Math.round(Number(value) * unit);
  const isAll = amount >= refundable.amount;
  return (
    <Confirm
      action="Refund"
      title={`Refund “${title}”`}
      reason="Reason, shown to buyer and creator"
      busy={decide.isPending}
      onConfirm={(reason, close) =>
        decide.mutate({
          what: 'Refund',
          send: ask =>
            api.post(
              `/api/v1/admin/purchases/${purchaseId}/refund`,
              // What is left is the service's to know: a whole refund names no amount.
              isAll ? { reason } : { reason, amount: { ...refundable, amount } },
              ask,
            ),
          said: 'The buyer gets the money back.',
          close,
        })
      }
    >
      <div className="stack">
        <NumberInput
          label={`Amount, of ${money(refundable)}`}
          suffix={` ${refundable.currency.toUpperCase()}`}
          min={1 / unit}
          max={refundable.amount / unit}
          clampBehavior="strict"
          decimalScale={decimals(refundable.currency)}
          hideControls
          value={value}
          onChange={setValue}
        />
        <p>
          {isAll
            ? 'The buyer gets all of it and can no longer use the listing.'
            : 'The buyer keeps the listing. The creator’s share shrinks in proportion.'}
        </p>
      </div>
    </Confirm>
  );
}
