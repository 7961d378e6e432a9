import { Alert, Badge, Button } from '@mantine/core';
import type { Member, MemberRecord, Money } from '@prolight/client';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useApi } from '../../context.tsx';
import { Figures } from '../../ui/Figures.tsx';
import { count, date, dateTime, money, Words } from '../../ui/format.tsx';
import { Loaded } from '../../ui/lists.tsx';
import { type Column, Table } from '../../ui/Table.tsx';
import { Appealed } from './Appeals.tsx';
import { AuditRows } from './Audit.tsx';
import { Decisions } from './Decisions.tsx';
import { Made } from './Made.tsx';
import classes from './Staff.module.css';
import { Who } from './Who.tsx';

export function Standing({ it }: { it: Member }) {
  return (
    <div className="row">
      <Badge size="sm" variant="light" color={it.status === 'active' ? 'gray' : 'red'}>
        {Words(it.status)}
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

/** One member with everything that staff know. */
export function Person({ id }: { id: string }) {
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
        {it => <Shown it={it} />}
      </Loaded>
    </>
  );
}

function Shown({ it }: { it: MemberRecord }) {
  const { profile } = it;
  const { suspension } = profile;
  return (
    <>
      <div className="page-head">
        <div>
          <h2>{profile.display_name ?? profile.email ?? profile.id}</h2>
          <p className="quiet small">
            {profile.email} · {profile.id}
          </p>
        </div>
        <Standing it={profile} />
      </div>
      {it.bio && <p className={classes.text}>{it.bio}</p>}
      {suspension && (
        <Alert color="red" variant="light" title="Suspended">
          “{suspension.reason}”{suspension.until && `, until ${dateTime(suspension.until)}`}
        </Alert>
      )}
      <Figures
        items={[
          { name: 'Plan', value: Words(profile.plan), note: it.subscription?.status },
          {
            name: 'Credits',
            value: count(profile.credits.available),
            note: `${
              it.limits.monthly_allowance === null
                ? 'unlimited'
                : count(it.limits.monthly_allowance)
            } a month`,
          },
          { name: 'Spent', value: count(profile.credits.spent) },
          { name: 'Owed', value: count(profile.credits.debt) },
          {
            name: 'Running',
            value: count(it.counts.open_generations),
            note: `of ${it.limits.concurrency} at once`,
          },
          { name: 'Listings', value: count(it.counts.listings) },
          { name: 'Presets', value: count(it.counts.presets) },
          { name: 'Member since', value: date(profile.created_at) },
        ]}
      />
      <Decisions it={profile} />
      {it.appeals.length > 0 && (
        <section className="stack" aria-label="Appeals">
          <h2>Appeals</h2>
          {it.appeals.map(appeal => (
            <Appealed key={appeal.id} it={appeal} />
          ))}
        </section>
      )}
      <Records it={it} />
      <Made member={profile.id} />
      <section className="stack" aria-label="Audit">
        <h2>Audit</h2>
        <AuditRows rows={it.audit} />
      </section>
    </>
  );
}

/** The newest records of each kind, and the way to all of them. */
function Records({ it }: { it: MemberRecord }) {
  const id = it.profile.id;
  const all = (tab: string, search: { creator?: string; buyer?: string }) => (
    <Link to="/staff" search={{ tab, ...search }}>
      All
    </Link>
  );
  return (
    <div className={classes.records}>
      <Newest
        title="Credits"
        rows={it.lots}
        id={lot => lot.id}
        columns={[
          { is: 'day', cell: lot => date(lot.granted_at) },
          {
            cell: lot => (
              <>
                {Words(lot.source)}
                {lot.expires_at && (
                  <div className="small quiet">expires {date(lot.expires_at)}</div>
                )}
              </>
            ),
          },
          {
            is: 'number',
            cell: ({ granted, spent, expired, revoked }) =>
              `${count(granted - spent - expired - revoked)} of ${count(granted)}`,
          },
        ]}
      />
      <Newest
        title="Invoices"
        rows={it.invoices}
        id={one => one.id}
        columns={[
          { is: 'day', cell: one => date(one.created_at) },
          {
            cell: one => (
              <>
                {Words(one.status)}
                <Refunded amount={one.amount_refunded} />
              </>
            ),
          },
          { is: 'number', cell: one => money(one.total) },
        ]}
      />
      <Newest
        title="Purchases"
        more={all('sales', { buyer: id })}
        rows={it.orders}
        id={one => one.id}
        columns={[
          { is: 'day', cell: one => date(one.created_at) },
          {
            cell: one => (
              <>
                {one.title}
                <Refunded amount={{ ...one.price, amount: one.refunded }} />
              </>
            ),
          },
          { is: 'number', cell: one => money(one.price) },
        ]}
      />
      <Newest
        title="Listings"
        more={all('listings', { creator: id })}
        rows={it.listings}
        id={one => one.id}
        columns={[{ cell: one => one.title }, { cell: one => Words(one.status) }]}
      />
      {it.profile.creator && (
        <section className="panel stack">
          <h3>As a creator</h3>
          <p className="row">
            <Link to="/staff" search={{ tab: 'sales', creator: id }}>
              Sales
            </Link>
            <Link to="/staff" search={{ tab: 'payouts', creator: id }}>
              Payouts
            </Link>
          </p>
        </section>
      )}
      <Newest
        title="Strikes"
        rows={it.strikes}
        id={one => one.created_at}
        columns={[
          { is: 'day', cell: one => date(one.created_at) },
          {
            cell: one => (
              <>
                {one.listing.name ?? one.listing.id}: “{one.reason}”
                <div className="small quiet">
                  by <Who it={one.by} />, counts until {date(one.expires_at)}
                </div>
              </>
            ),
          },
        ]}
      />
      <Newest
        title="The last hundred generations"
        rows={Object.entries(it.counts.recent_generations)}
        id={([status]) => status}
        columns={[
          { cell: ([status]) => Words(status) },
          { is: 'number', cell: ([, amount]) => count(amount) },
        ]}
      />
    </div>
  );
}

function Refunded({ amount }: { amount: Money }) {
  return amount.amount > 0 && <div className="small quiet">{money(amount)} refunded</div>;
}

function Newest<T>({
  title,
  more,
  ...table
}: {
  title: string;
  more?: ReactNode;
  rows: T[];
  id: (it: T) => string;
  columns: Column<T>[];
}) {
  return (
    <section className="panel stack">
      <div className="row between">
        <h3>{title}</h3>
        {table.rows.length > 0 && more}
      </div>
      {table.rows.length === 0 ? (
        <p className="quiet">None.</p>
      ) : (
        <Table label={title} {...table} />
      )}
    </section>
  );
}
