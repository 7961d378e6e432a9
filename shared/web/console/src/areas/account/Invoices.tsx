import { Badge, Button } from '@mantine/core';
import type { Invoice } from '@prolight/client';
import { useMutation } from '@tanstack/react-query';
import { useApi } from '../../context.tsx';
import { date, money, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { announceProblem } from '../../ui/problem.tsx';
import { Table } from '../../ui/Table.tsx';

export function Invoices() {
  const api = useApi();
  const list = usePages(['billing', 'invoices'], (cursor, signal) =>
    api.get('/api/v1/billing/invoices', { limit: 20, cursor }, signal),
  );
  return (
    <List query={list} empty="No invoice yet. They appear after the first payment.">
      <Table
        label="Invoices"
        rows={list.items}
        id={it => it.id}
        columns={[
          { name: 'Number', cell: it => it.number ?? it.id },
          { name: 'Date', is: 'day', cell: it => date(it.created_at) },
          { name: 'For', cell: it => it.lines[0]?.description ?? Words(it.kind) },
          { name: 'State', cell: it => <State it={it} /> },
          { name: 'Total', is: 'number', cell: it => money(it.total) },
          {
            name: 'Actions',
            is: 'actions',
            cell: it => (
              <div className="row">
                {it.status === 'open' && it.links.hosted && <a href={it.links.hosted}>Pay</a>}
                <OpenFile path={it.links.pdf} label="PDF" />
              </div>
            ),
          },
        ]}
      />
    </List>
  );
}

const COLOURS: Partial<Record<Invoice['status'], string>> = { paid: 'green', open: 'red' };

function State({ it }: { it: Invoice }) {
  return (
    <>
      <Badge size="sm" variant="light" color={COLOURS[it.status] ?? 'gray'}>
        {Words(it.status)}
      </Badge>
      {it.amount_refunded.amount > 0 && (
        <div className="small quiet">{money(it.amount_refunded)} refunded</div>
      )}
    </>
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
