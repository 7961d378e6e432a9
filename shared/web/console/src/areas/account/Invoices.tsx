import { Badge, Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useApi } from '../../context.tsx';
import { date, money, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { announceProblem } from '../../ui/problem.tsx';
import { ACTIONS, number, Table } from '../../ui/Table.tsx';

export function Invoices() {
  const api = useApi();
  const list = usePages(['billing', 'invoices'], (cursor, signal) =>
    api.get('/api/v1/billing/invoices', { limit: 20, cursor }, signal),
  );
  return (
    <List query={list} empty="No invoice yet. They appear after the first payment.">
      <Table
        label="Invoices"
        columns={['Number', 'Date', 'For', 'State', number('Total'), ACTIONS]}
      >
        {list.items.map(it => (
          <tr key={it.id}>
            <td>{it.number ?? it.id}</td>
            <td className="when">{date(it.created_at)}</td>
            <td>{it.lines[0]?.description ?? Words(it.kind)}</td>
            <td>
              <Badge
                size="sm"
                variant="light"
                color={it.status === 'paid' ? 'green' : it.status === 'open' ? 'red' : 'gray'}
              >
                {Words(it.status)}
              </Badge>
              {it.amount_refunded.amount > 0 && (
                <div className="small quiet">{money(it.amount_refunded)} refunded</div>
              )}
            </td>
            <td className="right">{money(it.total)}</td>
            <td>
              <div className="row">
                {it.status === 'open' && it.links.hosted && <a href={it.links.hosted}>Pay</a>}
                <OpenFile path={it.links.pdf} label="PDF" />
              </div>
            </td>
          </tr>
        ))}
      </Table>
    </List>
  );
}

/** Opens a file that the API only gives to its owner: the answer is an address for a few minutes. */
export function OpenFile({ path, label }: { path: string; label: string }) {
  const api = useApi();
  const open = useMutation({
    mutationFn: () => api.file(path),
    onSuccess: url => window.open(url, '_blank', 'noopener'),
    onError: error => announceProblem(error, label),
  });
  return (
    <Button
      size="compact-xs"
      variant="default"
      loading={open.isPending}
      onClick={() => open.mutate()}
    >
      {label}
    </Button>
  );
}
