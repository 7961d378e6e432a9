import type { ReactNode } from 'react';
import classes from './Table.module.css';

export interface Column<T> {
  /** The heading. Where no column has one, each row speaks for itself. */
  name?: string;
  /** Numbers are at the right, days on one line; the heading of actions is only read out. */
  is?: 'number' | 'day' | 'text' | 'actions';
  cell: (it: T, nth: number) => ReactNode;
}

/** With more columns than this, a narrow table shows each row as a list of its cells. */
const FEW = 4;

/**
 * Rows under their headings. Where there is no room for many columns, each row is a list with the
 * headings as labels. What is still wider than the window scrolls, with the keyboard as well.
 */
export function Table<T>({
  label,
  rows,
  id,
  columns,
}: {
  label: string;
  rows: T[];
  id: (it: T, nth: number) => string | number;
  columns: Column<T>[];
}) {
  const hasHeadings = columns.some(column => column.name !== undefined);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to take the focus.
    <section className={classes.box} aria-label={label} tabIndex={0}>
      <table className={classes.table} data-many={columns.length > FEW || undefined}>
        {hasHeadings && (
          <thead>
            <tr>
              {columns.map((column, at) => (
                <th key={at} data-is={column.is}>
                  <span className={column.is === 'actions' ? 'visually-hidden' : undefined}>
                    {column.name}
                  </span>
                </th>
              ))}
            </tr>
          </thead>
        )}
        <tbody>
          {rows.map((row, nth) => (
            <tr key={id(row, nth)}>
              {columns.map(({ name, is, cell }, at) => (
                <td key={at} data-is={is} data-label={is === 'actions' ? undefined : name}>
                  {cell(row, nth)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
