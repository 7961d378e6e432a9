import { Badge } from '@mantine/core';
import type { Earning } from '@prolight/client';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { count, date, money, monthOf } from '../../ui/format.tsx';
import { Empty, List, Loaded, usePages } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';
import { OpenFile } from '../account/Invoices.tsx';

const STATES: Record<Earning['status'], { name: string; color: string }> = {
  held: { name: 'On hold', color: 'tungsten' },
  payable: { name: 'Payable', color: 'green' },
  frozen: { name: 'In a dispute', color: 'red' },
  refunded: { name: 'Refunded', color: 'gray' },
  in_payout: { name: 'In a payout', color: 'green' },
};
const FOUND: Record<NonNullable<Earning['found_by']>, string> = {
  direct: 'came directly',
  search: 'found by search',
  share: 'came by a shared link',
};

/** Each sale with the day from which it is payable, and months as a whole. */
export function Earnings() {
  return (
    <>
      <Month />
      <Sales />
    </>
  );
}

function Sales() {
  const api = useApi();
  const list = usePages(['sell', 'earnings'], (cursor, signal) =>
    api.get('/api/v1/marketplace/creator/earnings', { limit: 25, cursor }, signal),
  );
  return (
    <section className="stack" aria-labelledby="sales">
      <h2 id="sales">Sales</h2>
      <List
        query={list}
        empty="No sale yet. Each appears here with the date from which it is payable."
      >
        <Table
          label="Sales"
          rows={list.items}
          id={it => it.purchase_id}
          columns={[
            { name: 'Sold', is: 'day', cell: it => date(it.sold_at) },
            { name: 'Listing', cell: it => <Sold it={it} /> },
            {
              name: 'State',
              cell: it => (
                <>
                  <Badge size="sm" variant="light" color={STATES[it.status].color}>
                    {STATES[it.status].name}
                  </Badge>
                  <div className="small quiet">{since(it)}</div>
                </>
              ),
            },
            { name: 'Price', is: 'number', cell: it => money(it.gross) },
            { name: 'Fee', is: 'number', cell: it => money(it.fee) },
            {
              name: 'Your share',
              is: 'number',
              cell: it => (
                <>
                  {money(it.net)}
                  {it.refunded.amount > 0 && (
                    <div className="small quiet">{money(it.refunded)} refunded</div>
                  )}
                </>
              ),
            },
          ]}
        />
      </List>
    </section>
  );
}

function Sold({ it }: { it: Earning }) {
  return (
    <>
      <Link to="/sell/listings/$id" params={{ id: it.listing_id }}>
        {it.title}
      </Link>
      <div className="small quiet">
        Version {it.version}
        {it.found_by && `, ${FOUND[it.found_by]}`}
      </div>
      {it.refund_reason && <div className="small quiet">Refunded: “{it.refund_reason}”</div>}
    </>
  );
}

/** The date that goes with the state of a sale. */
function since(it: Earning): string | undefined {
  if (it.status === 'held') return `payable from ${date(it.hold_until)}`;
  return it.status === 'payable' && it.released_at ? `since ${date(it.released_at)}` : undefined;
}

/** The newest twelve months, as `2026-11`. */
function months(): string[] {
  return Array.from({ length: 12 }, (_, back) => {
    const day = new Date();
    day.setUTCDate(1);
    day.setUTCMonth(day.getUTCMonth() - back);
    return day.toISOString().slice(0, 7);
  });
}

/** A month: its statement as a file, and its revenue by day and listing. */
function Month() {
  const [names] = useState(months);
  const [month, setMonth] = useState(names[0] ?? '');
  const statement = `/api/v1/marketplace/creator/statements/${month}` as const;
  return (
    <section className="stack" aria-labelledby="month">
      <h2 id="month">By month</h2>
      <div className="row">
        <label className="row">
          Month
          <select
            className="select"
            value={month}
            onChange={event => setMonth(event.currentTarget.value)}
          >
            {names.map(value => (
              <option key={value} value={value}>
                {monthOf(value)}
              </option>
            ))}
          </select>
        </label>
        <OpenFile path={`${statement}?format=pdf`} label="Statement, PDF" />
        <OpenFile path={`${statement}?format=csv`} label="Statement, CSV" />
        <OpenFile
          path={`/api/v1/marketplace/creator/revenue/${month}?format=csv`}
          label="Revenue, CSV"
        />
      </div>
      <Revenue month={month} />
    </section>
  );
}

/** What a month's sales brought, and where the buyers came from. */
function Revenue({ month }: { month: string }) {
  const api = useApi();
  const query = useQuery({
    queryKey: ['sell', 'revenue', month],
    queryFn: ({ signal }) =>
      api.get(`/api/v1/marketplace/creator/revenue/${month}`, { format: 'json' }, signal),
  });
  return (
    <Loaded query={query}>
      {it =>
        !('items' in it) || it.items.length === 0 ? (
          <Empty>Nothing was sold in this month.</Empty>
        ) : (
          <Table
            label="Revenue of the month"
            rows={it.items}
            id={row => `${row.date} ${row.listing_id}`}
            columns={[
              { name: 'Day', is: 'day', cell: row => date(row.date) },
              {
                name: 'Listing',
                cell: row => (
                  <Link to="/sell/listings/$id" params={{ id: row.listing_id }}>
                    {row.title}
                  </Link>
                ),
              },
              { name: 'Kept sales', is: 'number', cell: row => count(row.sales) },
              { name: 'By search', is: 'number', cell: row => count(row.found_by.search) },
              { name: 'By links', is: 'number', cell: row => count(row.found_by.share) },
              { name: 'Paid', is: 'number', cell: row => money(row.gross) },
              {
                name: 'Refunded',
                is: 'number',
                cell: row => (row.refunded.amount > 0 ? money(row.refunded) : '–'),
              },
              { name: 'Your share', is: 'number', cell: row => money(row.net) },
            ]}
          />
        )
      }
    </Loaded>
  );
}
