import type { ReactNode } from 'react';

/** A few numbers beside each other. */
export function Figures({
  items,
}: {
  items: { name: string; value: ReactNode; note?: ReactNode }[];
}) {
  return (
    <dl className="figure-row" data-fours={items.length % 4 === 0 || undefined}>
      {items.map(it => (
        <div key={it.name}>
          <dt>{it.name}</dt>
          <dd>
            {it.value}
            {it.note !== undefined && <small>{it.note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
