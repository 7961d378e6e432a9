import { useApi } from '../../context.tsx';
import { date, money } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';
import { Payee, useStats } from './Payee.tsx';
import { PayoutState } from './PayoutState.tsx';

/** What was sent to the creator's bank, and why nothing was. */
export function Payouts() {
  const api = useApi();
  const list = usePages(['sell', 'payouts'], (cursor, signal) =>
    api.get('/api/v1/marketplace/creator/payouts', { limit: 25, cursor }, signal),
  );
  const stats = useStats();
  return (
    <>
      {stats.data && <Payee it={stats.data} />}
      <List
        query={list}
        empty="No payout yet. They are made every day on which something is payable."
      >
        <Table
          label="Payouts"
          rows={list.items}
          id={it => it.id}
          columns={[
            { name: 'Day', is: 'day', cell: it => date(it.date) },
            { name: 'State', cell: it => <PayoutState it={it} /> },
            { name: 'Sales', is: 'number', cell: it => it.sales },
            {
              name: 'Amount',
              is: 'number',
              cell: it => (
                <>
                  {money(it.amount)}
                  {it.settled.amount > 0 && (
                    <div className="small quiet">less {money(it.settled)} of refunds before</div>
                  )}
                  {it.reversed.amount > 0 && (
                    <div className="small quiet">{money(it.reversed)} taken back</div>
                  )}
                </>
              ),
            },
            { name: 'Sent', is: 'day', cell: it => (it.sent_at ? date(it.sent_at) : '–') },
            { name: 'At the bank', is: 'day', cell: it => (it.paid_at ? date(it.paid_at) : '–') },
          ]}
        />
      </List>
    </>
  );
}
