import type { StaffPayout } from '@prolight/client';
import { useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { date, money } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';
import { PayoutState } from '../sell/PayoutState.tsx';
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
          rows={list.items}
          id={it => it.id}
          columns={[
            { name: 'Day', is: 'day', cell: it => date(it.date) },
            { name: 'To', cell: it => <Who it={it.creator} /> },
            { name: 'State', cell: it => <PayoutState it={it} /> },
            { name: 'Sales', is: 'number', cell: it => it.sales },
            { name: 'Amount', is: 'number', cell: it => <Amount it={it} /> },
            {
              name: 'Sent',
              is: 'day',
              cell: it => (
                <>
                  {it.sent_at ? date(it.sent_at) : '–'}
                  {it.transfer_id && <div className="small quiet">{it.transfer_id}</div>}
                </>
              ),
            },
            { name: 'Paid', is: 'day', cell: it => (it.paid_at ? date(it.paid_at) : '–') },
          ]}
        />
      </List>
    </section>
  );
}

function Amount({ it }: { it: StaffPayout }) {
  return (
    <>
      {money(it.amount)}
      {it.settled.amount !== 0 && <div className="small quiet">{money(it.settled)} settled</div>}
      {it.reversed.amount !== 0 && <div className="small quiet">{money(it.reversed)} reversed</div>}
    </>
  );
}
