import { Badge } from '@mantine/core';
import type { StaffListing } from '@prolight/client';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { date, price, TYPE_NAMES, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';
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
          rows={list.items}
          id={it => it.id}
          columns={[
            { name: 'Listing', cell: it => <Title it={it} /> },
            { name: 'By', cell: it => <Who it={it.creator} /> },
            { name: 'State', cell: it => <State it={it} /> },
            { name: 'Price', is: 'number', cell: it => (it.price ? price(it.price) : '–') },
            { name: 'Changed', is: 'day', cell: it => date(it.updated_at) },
            {
              name: 'Actions',
              is: 'actions',
              cell: it => it.status === 'approved' && <Delist id={it.id} title={titleOf(it)} />,
            },
          ]}
        />
      </List>
    </section>
  );
}

function titleOf(it: StaffListing): string {
  return it.title ?? it.id;
}

function Title({ it }: { it: StaffListing }) {
  return (
    <>
      {it.status === 'approved' && !it.hidden ? (
        <Link to="/market/listings/$id" params={{ id: it.id }}>
          {titleOf(it)}
        </Link>
      ) : (
        titleOf(it)
      )}
      <div className="small quiet">{TYPE_NAMES[it.type]}</div>
    </>
  );
}

function State({ it }: { it: StaffListing }) {
  return (
    <>
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
    </>
  );
}
