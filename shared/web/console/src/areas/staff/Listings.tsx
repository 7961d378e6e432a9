import { Badge } from '@mantine/core';
import type { StaffListing } from '@prolight/client';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { date, price, TYPE_NAMES, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { ACTIONS, number, Table } from '../../ui/Table.tsx';
import { STATE_COLOURS } from '../sell/listing.ts';
import { Filter } from './Filter.tsx';
import { Delist } from './ListingDecisions.tsx';
import { OnlyOf } from './OnlyOf.tsx';
import classes from './Staff.module.css';
import { Who } from './Who.tsx';

const STATES: StaffListing['status'][] = [
  'draft',
  'preparing',
  'preparation_failed',
  'pending',
  'approved',
  'rejected',
  'delisted',
];

/** Every listing, whatever its state, the newest first. */
export function Listings() {
  const api = useApi();
  const { creator } = useSearch({ from: '/staff' });
  const [status, setStatus] = useState<string | null>(null);
  const [type, setType] = useState<string | null>(null);
  const list = usePages(['staff', 'listings', creator, status, type], (cursor, signal) =>
    api.get(
      '/api/v1/admin/marketplace/listings',
      { creator_id: creator, status, type, limit: 25, cursor },
      signal,
    ),
  );
  return (
    <section className="stack" aria-label="Listings">
      <div className={classes.filters}>
        <Filter label="State" values={STATES} value={status} onChange={setStatus} />
        <Filter
          label="Type"
          values={Object.entries(TYPE_NAMES).map(([value, label]) => ({ value, label }))}
          value={type}
          onChange={setType}
        />
        <OnlyOf names={['creator']} />
      </div>
      <List query={list} empty="No listing matches.">
        <Table
          label="Listings"
          columns={['Listing', 'By', 'State', number('Price'), 'Changed', ACTIONS]}
        >
          {list.items.map(it => (
            <Row key={it.id} it={it} />
          ))}
        </Table>
      </List>
    </section>
  );
}

function Row({ it }: { it: StaffListing }) {
  const title = it.title ?? it.id;
  const isSeen = it.status === 'approved' && !it.hidden;
  return (
    <tr>
      <td>
        {isSeen ? (
          <Link to="/market/listings/$id" params={{ id: it.id }}>
            {title}
          </Link>
        ) : (
          title
        )}
        <div className="small quiet">{TYPE_NAMES[it.type]}</div>
      </td>
      <td>
        <Who it={it.creator} />
      </td>
      <td>
        <Badge size="sm" variant="light" color={STATE_COLOURS[it.status] ?? 'gray'}>
          {Words(it.status)}
        </Badge>
        {it.hidden && <div className="small quiet">hidden: its creator may not sell</div>}
        {it.delisted && (
          <div className="small quiet">
            by {it.delisted.by}, {date(it.delisted.at)}
            {it.delisted.reason && `: “${it.delisted.reason}”`}
          </div>
        )}
      </td>
      <td className="right">{it.price ? price(it.price) : '–'}</td>
      <td className="when">{date(it.updated_at)}</td>
      <td>{it.status === 'approved' && <Delist id={it.id} title={title} />}</td>
    </tr>
  );
}
