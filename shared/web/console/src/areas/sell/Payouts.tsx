import { Badge } from '@mantine/core';
import { useApi } from '../../context.tsx';
import { date, money, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { number, Table } from '../../ui/Table.tsx';
import { Payee, useStats } from './Payee.tsx';
import { PAYOUT_COLOURS, payoutReason } from './payouts.ts';

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
          columns={['Day', 'State', number('Sales'), number('Amount'), 'Sent', 'At the bank']}
        >
          {list.items.map(it => (
            <tr key={it.id}>
              <td className="when">{date(it.date)}</td>
              <td>
                <Badge size="sm" variant="light" color={PAYOUT_COLOURS[it.status]}>
                  {Words(it.status)}
                </Badge>
                {it.reason && <div className="small quiet">{payoutReason(it.reason)}</div>}
              </td>
              <td className="right">{it.sales}</td>
              <td className="right">
                {money(it.amount)}
                {it.settled.amount > 0 && (
                  <div className="small quiet">less {money(it.settled)} of refunds before</div>
                )}
                {it.reversed.amount > 0 && (
                  <div className="small quiet">{money(it.reversed)} taken back</div>
                )}
              </td>
              <td className="when">{it.sent_at ? date(it.sent_at) : '–'}</td>
              <td className="when">{it.paid_at ? date(it.paid_at) : '–'}</td>
            </tr>
          ))}
        </Table>
      </List>
    </>
  );
}
