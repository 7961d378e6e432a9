import type { ReactNode } from 'react';

/** The heading of a column: numbers are at the right, and actions have a name that is only read out. */
export type Column = string | { name: string; is: 'number' | 'actions' };

export const number = (name: string): Column => ({ name, is: 'number' });
export const ACTIONS: Column = { name: 'Actions', is: 'actions' };

/** Rows under their headings. What is wider than the window scrolls, with the keyboard as well. */
export function Table({
  label,
  columns,
  children,
}: {
  label: string;
  /** Without them each row speaks for itself. */
  columns?: Column[];
  children: ReactNode;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to take the focus.
    <section className="scroll-x" aria-label={label} tabIndex={0}>
      <table className="plain">
        {columns && (
          <thead>
            <tr>{columns.map(heading)}</tr>
          </thead>
        )}
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

function heading(column: Column): ReactNode {
  if (typeof column === 'string') return <th key={column}>{column}</th>;
  return column.is === 'number' ? (
    <th key={column.name} className="right">
      {column.name}
    </th>
  ) : (
    <th key={column.name}>
      <span className="visually-hidden">{column.name}</span>
    </th>
  );
}
