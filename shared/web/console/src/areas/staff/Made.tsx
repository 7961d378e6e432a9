import type { Generation } from '@prolight/client';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { dateTime, Words, words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';
import { StatusBadge } from '../studio/Picture.tsx';
import { Filter } from './Filter.tsx';

const STATES: Generation['status'][] = [
  'queued',
  'submitting',
  'submitted',
  'succeeded',
  'failed',
  'cancelled',
];

/** What a member generated, without the prompts and the pictures. */
export function Made({ member }: { member: string }) {
  const api = useApi();
  const [status, setStatus] = useState<string | null>(null);
  const list = usePages(['staff', 'made', member, status], (cursor, signal) =>
    api.get('/api/v1/admin/generations', { member_id: member, status, limit: 10, cursor }, signal),
  );
  return (
    <section className="stack" aria-labelledby="made">
      <div className="row between">
        <h2 id="made">Generations</h2>
        <Filter
          label="State of the generations"
          any="In any state"
          beside
          values={STATES}
          value={status}
          onChange={setStatus}
        />
      </div>
      <List query={list} empty="None.">
        <Table
          label="Generations"
          rows={list.items}
          id={it => it.id}
          columns={[
            {
              name: 'When',
              is: 'day',
              cell: it => (
                <>
                  {dateTime(it.created_at)}
                  <div className="small quiet">{it.id}</div>
                </>
              ),
            },
            {
              name: 'State',
              cell: it => (
                <>
                  <StatusBadge status={it.status} />
                  {it.failure && <div className="small quiet">{words(it.failure)}</div>}
                </>
              ),
            },
            { name: 'Charge', cell: it => `${it.charge.credits}, ${words(it.charge.status)}` },
            {
              name: 'Made with',
              cell: ({ listing }) =>
                listing ? (
                  <Link to="/market/listings/$id" params={{ id: listing.id }}>
                    {listing.name ?? listing.id}
                  </Link>
                ) : (
                  '–'
                ),
            },
            { name: 'By', cell: it => Words(it.provider) },
          ]}
        />
      </List>
    </section>
  );
}
