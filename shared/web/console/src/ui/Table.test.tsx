import { cleanup, render, screen, within } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { type Column, Table } from './Table.tsx';

afterEach(cleanup);

interface Row {
  day: string;
  sales: number;
}
const ROWS: Row[] = [
  { day: 'Monday', sales: 1 },
  { day: 'Tuesday', sales: 0 },
];
const DAY: Column<Row> = { name: 'Day', is: 'day', cell: it => it.day };
const SALES: Column<Row> = { name: 'Sales', is: 'number', cell: it => it.sales };
const ACTIONS: Column<Row> = {
  name: 'Actions',
  is: 'actions',
  cell: it => it.sales > 0 && <button type="button">Refund</button>,
};

function show(columns: Column<Row>[]) {
  render(<Table label="Sales" rows={ROWS} id={it => it.day} columns={columns} />);
  return within(screen.getByRole('region', { name: 'Sales' }));
}

it('every cell is labelled by its heading, for where a row is a list of its cells', () => {
  const table = show([DAY, SALES, SALES, SALES, ACTIONS]);
  expect(table.getAllByRole('columnheader').map(it => it.textContent)).toEqual([
    'Day',
    'Sales',
    'Sales',
    'Sales',
    'Actions',
  ]);
  const cells = table.getAllByRole('cell').slice(0, 5);
  expect(cells.map(it => it.getAttribute('data-label'))).toEqual([
    'Day',
    'Sales',
    'Sales',
    'Sales',
    null,
  ]);
  expect(table.getByRole('table').hasAttribute('data-many')).toBe(true);
  expect(table.getAllByRole('button', { name: 'Refund' })).toHaveLength(1);
  expect(table.getAllByRole('cell').at(-1)?.childNodes).toHaveLength(0);
});

it('few columns stay columns, and rows without headings speak for themselves', () => {
  const table = show([
    { ...DAY, name: undefined },
    { ...SALES, name: undefined },
  ]);
  expect(table.queryByRole('columnheader')).toBeNull();
  expect(table.getByRole('table').hasAttribute('data-many')).toBe(false);
  expect(table.getAllByRole('cell').map(it => it.textContent)).toEqual([
    'Monday',
    '1',
    'Tuesday',
    '0',
  ]);
});
