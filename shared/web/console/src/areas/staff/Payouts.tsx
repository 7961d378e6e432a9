import { Badge } from '@mantine/core';
import type { StaffPayout } from '@prolight/client';
import { useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { date, money, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { number, Table } from '../../ui/Table.tsx';
import { PAYOUT_COLOURS, payoutReason } from '../sell/payouts.ts';
import { Filter } from './Filter.tsx';
import { OnlyOf } from './OnlyOf.tsx';
import classes from './Staff.module.css';
import { Who } from './Who.tsx';

const STATES: StaffPayout['status'][] = [
  'skipped',
  'collecting',
  'planned',
  'sending',
  'sent',
  'paid',
  'failed',
  'reopened',
];

/** Every payout to a creator, the newest first. */
export function Payouts() {
  const api = useApi();
  const { creator } = useSearch({ from: '/staff' });
  const [status, setStatus] = useState<string | null>(null);
  const list = usePages(['staff', 'payouts', creator, status], (cursor, signal) =>
    api.get('/api/v1/admin/payouts', { creator_id: creator, status, limit: 25, cursor }, signal),
  );
  return (
    <section className="stack" aria-label="Payouts">
      <div className={classes.filters}>
        <Filter label="State" values={STATES} value={status} onChange={setStatus} />
        <OnlyOf names={['creator']} />
      </div>
      <List query={list} empty="No payout matches.">
        <Table
          label="Payouts"
          columns={['Day', 'To', 'State', number('Sales'), number('Amount'), 'Sent', 'Paid']}
        >
          {list.items.map(it => (
            <tr key={it.id}>
              <td className="when">{date(it.date)}</td>
              <td>
                <Who it={it.creator} />
              </td>
              <td>
                <Badge size="sm" variant="light" color={PAYOUT_COLOURS[it.status]}>
                  {Words(it.status)}
                </Badge>
                {it.reason && <div className="small quiet">{payoutReason(it.reason)}</div>}
              </td>
              <td className="right">{it.sales}</td>
              <td className="right">
                {money(it.amount)}
                {it.settled.amount !== 0 && (
                  <div className="small quiet">{money(it.settled)} settled</div>
                )}
                {it.reversed.amount !== 0 && (
                  <div className="small quiet">{money(it.reversed)} reversed</div>
                )}
              </td>
              <td className="when">
                {it.sent_at ? date(it.sent_at) : '–'}
                {it.transfer_id && <div className="small quiet">{it.transfer_id}</div>}
              </td>
              <td className="when">{it.paid_at ? date(it.paid_at) : '–'}</td>
            </tr>
          ))}
        </Table>
      </List>
    </section>
  );
}
