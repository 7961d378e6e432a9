import { Alert, Badge, Button, NumberInput, Select, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import type { Member } from '@prolight/client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { Figures } from '../../ui/Figures.tsx';
import { count, date, dateTime, money, Words } from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { Scroll } from '../../ui/Scroll.tsx';
import { AuditRows } from './Audit.tsx';
import classes from './Staff.module.css';

/** Members: found, and one of them with everything that is known. */
export function People() {
  const { member } = useSearch({ from: '/staff' });
  return member === undefined ? <Directory /> : <Record id={member} />;
}

function Directory() {
  const api = useApi();
  const [email, setEmail] = useState('');
  const [plan, setPlan] = useState<string | null>(null);
  const [status, setStatus] = useState<string | null>(null);
  const [asked] = useDebouncedValue({ email: email.trim(), plan, status }, 250);
  const list = usePages(['staff', 'users', asked], (cursor, signal) =>
    api.get('/api/v1/admin/users', { ...asked, limit: 25, cursor }, signal),
  );
  return (
    <>
      <div className="columns">
        <TextInput
          label="E-mail begins with"
          type="search"
          value={email}
          onChange={event => setEmail(event.currentTarget.value)}
        />
        <Select
          label="Plan"
          clearable
          placeholder="Any"
          data={['free', 'pro', 'enterprise'].map(value => ({ value, label: Words(value) }))}
          value={plan}
          onChange={setPlan}
        />
        <Select
          label="State"
          clearable
          placeholder="Any"
          data={['active', 'suspended'].map(value => ({ value, label: Words(value) }))}
          value={status}
          onChange={setStatus}
        />
      </div>
      <List query={list} empty="Nobody matches.">
        <Scroll label="Members">
          <table className="plain">
            <thead>
              <tr>
                <th>Member</th>
                <th>Plan</th>
                <th>State</th>
                <th className="right">Credits</th>
                <th>Since</th>
              </tr>
            </thead>
            <tbody>
              {list.items.map(it => (
                <tr key={it.user_id}>
                  <td>
                    <Link to="/staff" search={{ tab: 'people', member: it.user_id }}>
                      {it.display_name ?? it.email ?? it.user_id}
                    </Link>
                    {it.display_name && <div className="small quiet">{it.email}</div>}
                  </td>
                  <td>{Words(it.plan)}</td>
                  <td>
                    <Standing it={it} />
                  </td>
                  <td className="right">{count(it.credits.available)}</td>
                  <td className="when">{date(it.created_at)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </List>
    </>
  );
}

function Standing({ it }: { it: Member }) {
  return (
    <div className="row">
      <Badge size="sm" variant="light" color={it.standing.state === 'active' ? 'gray' : 'red'}>
        {Words(it.standing.state)}
      </Badge>
      {it.role && (
        <Badge size="sm" variant="light">
          {it.role}
        </Badge>
      )}
      {it.creator && (
        <Badge size="sm" variant="light" color="gray">
          creator
        </Badge>
      )}
    </div>
  );
}

function Record({ id }: { id: string }) {
  const api = useApi();
  const navigate = useNavigate();
  const query = useQuery({
    queryKey: ['staff', 'user', id],
    queryFn: ({ signal }) =>
      api.get(`/api/v1/admin/users/${encodeURIComponent(id)}`, undefined, signal),
  });
  return (
    <>
      <div>
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => navigate({ to: '/staff', search: { tab: 'people' } })}
        >
          All people
        </Button>
      </div>
      <Loaded query={query} lines={8}>
        {it => (
          <>
            <div className="page-head">
              <div>
                <h2>{it.profile.display_name ?? it.profile.email ?? id}</h2>
                <p className="quiet small">
                  {it.profile.email} · {it.profile.user_id}
                </p>
              </div>
              <Standing it={it.profile} />
            </div>
            {it.profile.standing.state === 'suspended' && (
              <Alert color="red">{it.profile.standing.reason}</Alert>
            )}
            <Figures
              items={[
                { name: 'Plan', value: Words(it.profile.plan), note: it.subscription?.status },
                { name: 'Credits', value: count(it.profile.credits.available) },
                { name: 'Spent', value: count(it.profile.credits.spent) },
                { name: 'Owed', value: count(it.profile.credits.debt) },
                { name: 'Member since', value: date(it.profile.created_at) },
              ]}
            />
            <Decisions it={it.profile} />
            <div className={classes.records}>
              <Newest title="Invoices">
                {it.invoices.map(one => (
                  <tr key={one.id}>
                    <td className="when">{date(one.created_at)}</td>
                    <td>{Words(one.status)}</td>
                    <td className="right">{money(one.total)}</td>
                  </tr>
                ))}
              </Newest>
              <Newest title="Purchases">
                {it.orders.map(one => (
                  <tr key={one.id}>
                    <td className="when">{date(one.created_at)}</td>
                    <td>{one.title}</td>
                    <td className="right">{money(one.price)}</td>
                  </tr>
                ))}
              </Newest>
              <Newest title="Listings">
                {it.listings.map(one => (
                  <tr key={one.id}>
                    <td>{one.title}</td>
                    <td>{Words(one.state)}</td>
                  </tr>
                ))}
              </Newest>
              <Newest title="Generations">
                {it.jobs.map(one => (
                  <tr key={one.id}>
                    <td className="when">{dateTime(one.created_at)}</td>
                    <td>{Words(one.status)}</td>
                  </tr>
                ))}
              </Newest>
            </div>
            <section className="stack">
              <h2>Audit</h2>
              <AuditRows rows={it.audit} />
            </section>
          </>
        )}
      </Loaded>
    </>
  );
}

function Newest({ title, children }: { title: string; children: React.ReactNode[] }) {
  return (
    <section className="panel stack">
      <h3>{title}</h3>
      {children.length === 0 ? (
        <p className="quiet">None.</p>
      ) : (
        <Scroll label="Records">
          <table className="plain">
            <tbody>{children}</tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

/** Credits, limits and suspension; each with a reason for the audit. */
function Decisions({ it }: { it: Member }) {
  const api = useApi();
  const queries = useQueryClient();
  const [amount, setAmount] = useState<number | string>(10);
  const [allowance, setAllowance] = useState<number | string>(it.limits.monthly_allowance ?? '');
  const [concurrency, setConcurrency] = useState<number | string>(it.limits.concurrency ?? '');
  const path = `/api/v1/admin/users/${encodeURIComponent(it.user_id)}` as const;
  const act = useMutation({
    mutationFn: async (order: {
      what: string;
      send: () => Promise<unknown>;
      close: () => void;
    }) => {
      await order.send();
      return order;
    },
    onSuccess: order => {
      order.close();
      announce(`${order.what}: done, and in the audit.`);
      void queries.invalidateQueries({ queryKey: ['staff'] });
    },
    onError: (error, order) => announceProblem(error, order.what),
  });
  const number = (value: number | string) => (value === '' ? null : Number(value));
  return (
    <section className="panel stack" aria-label="Decisions">
      <div className="row">
        <Confirm
          action="Credits"
          title="Grant or revoke credits"
          reason="Reason, for the audit"
          busy={act.isPending}
          onConfirm={(reason, close) =>
            act.mutate({
              what: 'Credits',
              close,
              send: () => api.post(`${path}/credits`, { amount: Number(amount), reason }),
            })
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
          busy={act.isPending}
          onConfirm={(reason, close) =>
            act.mutate({
              what: 'Limits',
              close,
              send: () =>
                api.put(`${path}/limits`, {
                  monthly_allowance: number(allowance),
                  concurrency: number(concurrency),
                  reason,
                }),
            })
          }
        >
          <div className="stack">
            <NumberInput
              label="Credits a month; empty is the plan’s"
              min={0}
              value={allowance}
              onChange={setAllowance}
            />
            <NumberInput
              label="Generations at once; empty is the plan’s"
              min={1}
              value={concurrency}
              onChange={setConcurrency}
            />
          </div>
        </Confirm>
        {it.standing.state === 'active' ? (
          <Confirm
            action="Suspend"
            title="Suspend this member"
            danger
            reason="Reason, shown to the member"
            busy={act.isPending}
            onConfirm={(reason, close) =>
              act.mutate({
                what: 'Suspend',
                close,
                send: () => api.post(`${path}/ban`, { reason }),
              })
            }
          >
            They can no longer generate, buy or sell, until it is lifted. A subscription ends with
            its period.
          </Confirm>
        ) : (
          <Confirm
            action="Lift the suspension"
            title="Lift the suspension"
            reason="Reason, for the audit"
            busy={act.isPending}
            onConfirm={(reason, close) =>
              act.mutate({
                what: 'Lift the suspension',
                close,
                send: () => api.post(`${path}/unban`, { reason }),
              })
            }
          >
            They can generate, buy and sell again.
          </Confirm>
        )}
      </div>
    </section>
  );
}
