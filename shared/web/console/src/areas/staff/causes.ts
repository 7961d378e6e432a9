import type { AuditRow } from '@prolight/client';
import { Words } from '../../ui/format.tsx';
import { PAYOUT_REASONS } from '../sell/PayoutState.tsx';

/** Jobs whose names say too little. */
const JOBS: Record<string, string> = {
  'account-delete-me': 'The member',
  'background-erase-data': 'Erasure of accounts',
  'background-follow-sellers': 'End of suspensions',
  banned_subscriptions: 'Subscriptions of suspended members',
  surplus_subscriptions: 'Subscriptions paid twice',
};

/** Why a payment that came too late was returned. */
const RETURNED: Record<string, string> = {
  already_owned: 'The buyer already owned it.',
  cannot_buy_own_listing: 'It is the buyer’s own listing.',
  listing_unlisted: 'It was no longer on sale.',
  price_changed: 'Its price had changed.',
  seller_suspended: 'Its creator could not sell at that time.',
};

/** Who acted, by name where one is known. */
export function actorOf({ actor }: AuditRow): string {
  if (actor.kind === 'staff') return actor.name ?? actor.id;
  return JOBS[actor.name] ?? Words(actor.name.replaceAll('-', '_'));
}

/** Why: staff write sentences, jobs codes. */
export function reasonOf({ actor, reason }: AuditRow): string | null {
  if (reason === null || actor.kind === 'staff') return reason;
  const known = RETURNED[reason] ?? PAYOUT_REASONS[reason];
  return known ?? (/^[a-z]+(_[a-z]+)+$/.test(reason) ? Words(reason) : reason);
}
