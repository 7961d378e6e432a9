import { NumberInput, Select } from '@mantine/core';
import type { Ask, Member } from '@prolight/client';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { useDecide } from './useDecide.ts';

const ENDS = [7, 30, 90];

/** The end of that many days, so that a repeat of the decision says the same. */
function endsIn(days: number): string {
  const day = new Date();
  day.setUTCHours(24 * (days + 1), 0, 0, 0);
  return day.toISOString();
}

/** Credits, limits and suspension; each with a reason for the audit. */
export function Decisions({ it }: { it: Member }) {
  const api = useApi();
  const [amount, setAmount] = useState<number | string>(10);
  // What is not entered here is as it is stored, also when somebody else changes it meanwhile.
  const [limits, setLimits] = useState<{
    allowance?: number | string;
    concurrency?: number | string;
  }>({});
  const allowance = limits.allowance ?? it.limits.monthly_allowance ?? '';
  const concurrency = limits.concurrency ?? it.limits.concurrency ?? '';
  const [end, setEnd] = useState<string | null>(null);
  const path = `/api/v1/admin/users/${encodeURIComponent(it.id)}` as const;
  const decide = useDecide();
  const act = (what: string, send: (ask: Ask) => Promise<unknown>, close: () => void) =>
    decide.mutate({ what, send, said: `${what}: done, and in the audit.`, close });
  const number = (value: number | string) => (value === '' ? null : Number(value));
  return (
    <section className="panel stack" aria-label="Decisions">
      <div className="row">
        <Confirm
          action="Credits"
          title="Grant or revoke credits"
          reason="Reason, for the audit"
          busy={decide.isPending}
          onConfirm={(reason, close) =>
            act(
              'Credits',
              ask => api.post(`${path}/credits`, { amount: Number(amount), reason }, ask),
              close,
            )
          }
        >
          <NumberInput
            label="Credits; a negative number revokes"
            value={amount}
            onChange={setAmount}
          />
        </Confirm>
        <Confirm
          action="Limits"
          title="Limits in place of the plan’s"
          reason="Reason, for the audit"
          busy={decide.isPending}
          onConfirm={(reason, close) =>
            act(
              'Limits',
              () =>
                api.put(`${path}/limits`, {
                  monthly_allowance: number(allowance),
                  concurrency: number(concurrency),
                  reason,
                }),
              () => {
                setLimits({});
                close();
              },
            )
          }
        >
          <div className="stack">
            <NumberInput
              label="Credits a month; empty is the plan’s"
              min={0}
              value={allowance}
              onChange={allowance => setLimits({ ...limits, allowance })}
            />
            <NumberInput
              label="Generations at once; empty is the plan’s"
              min={1}
              value={concurrency}
              onChange={concurrency => setLimits({ ...limits, concurrency })}
            />
          </div>
        </Confirm>
        {!it.suspension ? (
          <Confirm
            action="Suspend"
            title="Suspend this member"
            danger
            reason="Reason, shown to the member"
            busy={decide.isPending}
            onConfirm={(reason, close) =>
              act('Suspend', ask => api.post(`${path}/ban`, { reason, until: end }, ask), close)
            }
          >
            <div className="stack">
              <Select
                label="Until"
                placeholder="It is lifted"
                clearable
                data={ENDS.map(days => ({ value: endsIn(days), label: `In ${days} days` }))}
                value={end}
                onChange={setEnd}
              />
              <p>
                They can no longer generate, buy or sell. Without an end, a subscription ends with
                its period.
              </p>
            </div>
          </Confirm>
        ) : (
          <Confirm
            action="Lift the suspension"
            title="Lift the suspension"
            reason="Reason, for the audit"
            busy={decide.isPending}
            onConfirm={(reason, close) =>
              act('Lift the suspension', ask => api.post(`${path}/unban`, { reason }, ask), close)
            }
          >
            They can generate, buy and sell again.
          </Confirm>
        )}
      </div>
    </section>
  );
}
