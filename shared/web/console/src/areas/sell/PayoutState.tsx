import { Badge } from '@mantine/core';
import type { Payout } from '@prolight/client';
import { Words } from '../../ui/format.tsx';

const COLOURS: Record<Payout['status'], string> = {
  skipped: 'gray',
  collecting: 'tungsten',
  planned: 'tungsten',
  sending: 'tungsten',
  sent: 'tungsten',
  paid: 'green',
  failed: 'red',
  reopened: 'red',
};

/** Why nothing was paid: our own codes, and the usual ones of banks. */
export const PAYOUT_REASONS: Record<string, string> = {
  below_minimum: 'The balance is below the smallest payout; it waits for more sales.',
  account_not_ready: 'Stripe cannot pay to the account yet.',
  frozen_dispute: 'Without what buyers’ disputes hold, the balance is below the smallest payout.',
  negative_balance: 'Refunds after earlier payouts exceed the balance.',
  banned: 'The account is suspended.',
  email_unverified: 'The e-mail address is not verified.',
  account_closed: 'The bank account is closed.',
  account_frozen: 'The bank account is frozen.',
  bank_account_restricted: 'The bank account does not take such payments.',
  could_not_process: 'The bank could not process it.',
  invalid_account_number: 'The bank knows no such account number.',
  no_account: 'The bank knows no such account.',
};

/** The state of a payout and its reason; a code that is not known here is shown as it is. */
export function PayoutState({ it }: { it: Pick<Payout, 'status' | 'reason'> }) {
  return (
    <>
      <Badge size="sm" variant="light" color={COLOURS[it.status]}>
        {Words(it.status)}
      </Badge>
      {it.reason && (
        <div className="small quiet">{PAYOUT_REASONS[it.reason] ?? Words(it.reason)}</div>
      )}
    </>
  );
}
