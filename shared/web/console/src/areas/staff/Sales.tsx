import { Badge } from '@mantine/core';
import type { StaffPurchase } from '@prolight/client';
import { Link, useSearch } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { useApi } from '../../context.tsx';
import { date, money, price, TYPE_NAMES, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';
import { Filter } from './Filter.tsx';
import { OnlyOf } from './OnlyOf.tsx';
import { PaidBack } from './PaidBack.tsx';
import { Refund } from './Refund.tsx';
import classes from './Staff.module.css';
import { Who } from './Who.tsx';

const STATES: StaffPurchase['status'][] = [
  'pending',
  'processing',
  'paid',
  'expired',
  'failed',
  'returned',
  'refunded',
];

/** Every purchase of a listing, the newest first. */
export function Sales() {
  const api = useApi();
  const { creator, buyer, listing } = useSearch({ from: '/staff' });
  const [status, setStatus] = useState<string | null>(null);
  const only = { creator_id: creator, buyer_id: buyer, listing_id: listing };
  const list = usePages(['staff', 'sales', only, status], (cursor, signal) =>
    api.get('/api/v1/admin/purchases', { ...only, status, limit: 25, cursor }, signal),
  );
  return (
    <section className="stack" aria-label="Sales">
      <div className={classes.filters}>
        <Filter label="State" values={STATES} value={status} onChange={setStatus} />
        <OnlyOf names={['creator', 'buyer', 'listing']} />
      </div>
      <List query={list} empty="No purchase matches.">
        <Table
          label="Sales"
          rows={list.items}
          id={it => it.id}
          columns={[
            { name: 'When', is: 'day', cell: it => date(it.paid_at ?? it.created_at) },
            {
              name: 'Listing',
              cell: it => (
                <>
                  <Link to="/market/listings/$id" params={{ id: it.listing.id }}>
                    {titleOf(it)}
                  </Link>
                  <div className="small quiet">
                    {TYPE_NAMES[it.type]}, version {it.version}
                  </div>
                </>
              ),
            },
            { name: 'Bought by', cell: it => <Who it={it.buyer} /> },
            { name: 'Sold by', cell: it => <Who it={it.creator} /> },
            { name: 'State', cell: it => <State it={it} /> },
            {
              name: 'Paid',
              is: 'number',
              cell: it => (
                <>
                  {price(it.paid ?? it.price)}
                  {it.refunded.amount > 0 && (
                    <div className="small quiet">{money(it.refunded)} refunded</div>
                  )}
                </>
              ),
            },
            { name: 'Actions', is: 'actions', cell: refund },
          ]}
        />
      </List>
    </section>
  );
}

function titleOf(it: StaffPurchase): string {
  return it.listing.name ?? it.listing.id;
}

function State({ it }: { it: StaffPurchase }) {
  return (
    <>
      <Badge size="sm" variant="light" color={it.status === 'paid' ? 'green' : 'gray'}>
        {Words(it.status)}
      </Badge>
      {it.refund_asked_at && (
        <div className="small quiet">refund asked for {date(it.refund_asked_at)}</div>
      )}
    </>
  );
}

/** The way to give back what is left of it, if anything is. */
function refund(it: StaffPurchase): ReactNode {
  const amount = (it.paid?.amount ?? 0) - it.refunded.amount;
  if (!it.paid || amount <= 0) return null;
  const left = { ...it.paid, amount };
  if (it.status === 'returned') {
    return <PaidBack purchaseId={it.id} title={titleOf(it)} owed={left} />;
  }
  if (it.status !== 'paid') return null;
  return <Refund key={amount} purchaseId={it.id} title={titleOf(it)} refundable={left} />;
}
