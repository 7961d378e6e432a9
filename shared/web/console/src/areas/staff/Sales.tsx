import { Badge } from '@mantine/core';
import type { StaffPurchase } from '@prolight/client';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { date, money, price, TYPE_NAMES, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { ACTIONS, number, Table } from '../../ui/Table.tsx';
import { Filter } from './Filter.tsx';
import { OnlyOf } from './OnlyOf.tsx';
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
          columns={['When', 'Listing', 'Bought by', 'Sold by', 'State', number('Paid'), ACTIONS]}
        >
          {list.items.map(it => (
            <Row key={it.id} it={it} />
          ))}
        </Table>
      </List>
    </section>
  );
}

function Row({ it }: { it: StaffPurchase }) {
  const title = it.listing.name ?? it.listing.id;
  const left = (it.paid?.amount ?? 0) - it.refunded.amount;
  return (
    <tr>
      <td className="when">{date(it.paid_at ?? it.created_at)}</td>
      <td>
        <Link to="/market/listings/$id" params={{ id: it.listing.id }}>
          {title}
        </Link>
        <div className="small quiet">
          {TYPE_NAMES[it.type]}, version {it.version}
        </div>
      </td>
      <td>
        <Who it={it.buyer} />
      </td>
      <td>
        <Who it={it.creator} />
      </td>
      <td>
        <Badge size="sm" variant="light" color={it.status === 'paid' ? 'green' : 'gray'}>
          {Words(it.status)}
        </Badge>
        {it.refund_asked_at && (
          <div className="small quiet">refund asked for {date(it.refund_asked_at)}</div>
        )}
      </td>
      <td className="right">
        {price(it.paid ?? it.price)}
        {it.refunded.amount > 0 && <div className="small quiet">{money(it.refunded)} refunded</div>}
      </td>
      <td>
        {it.status === 'paid' && it.paid && left > 0 && (
          <Refund
            key={left}
            purchaseId={it.id}
            title={title}
            refundable={{ ...it.paid, amount: left }}
          />
        )}
      </td>
    </tr>
  );
}
