import type { AuditRow } from '@prolight/client';
import { expect, it } from 'vitest';
import { actorOf, reasonOf } from './causes.ts';

const row = (actor: AuditRow['actor'], reason: string | null = null) =>
  ({ actor, reason }) as AuditRow;
const job = (name: string, reason?: string) => row({ kind: 'job', name }, reason);

it.each([
  ['background-erase-data', 'Erasure of accounts'],
  ['account-delete-me', 'The member'],
  ['payouts', 'Payouts'],
  ['background-new-job', 'Background new job'],
])('the job %s is called “%s”', (name, called) => expect(actorOf(job(name))).toBe(called));

it.each([
  ['already_owned', 'The buyer already owned it.'],
  ['account_closed', 'The bank account is closed.'],
  ['unheard_of', 'Unheard of'],
  ['Suspension expired.', 'Suspension expired.'],
  ['For pur_1.', 'For pur_1.'],
])('the reason %s of a job reads “%s”', (reason, said) =>
  expect(reasonOf(job('refunds', reason))).toBe(said),
);

it('what staff write stays as it is', () => {
  const staff: AuditRow['actor'] = { kind: 'staff', id: 'user_1', name: null, role: 'admin' };
  expect(actorOf(row(staff))).toBe('user_1');
  expect(reasonOf(row(staff, 'already_owned'))).toBe('already_owned');
  expect(reasonOf(row(staff))).toBeNull();
});
