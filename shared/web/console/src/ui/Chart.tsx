import { lazy, Suspense } from 'react';
import classes from './Chart.module.css';
import { type Column, Table } from './Table.tsx';

export interface Series {
  key: string;
  name: string;
  /** A CSS colour. */
  colour: string;
}
interface Props {
  title: string;
  data: Record<string, string | number>[];
  /** The field with the day. */
  x: string;
  series: Series[];
  format: (value: number) => string;
  kind: 'bars' | 'area';
  height?: number;
}

/** Its library is larger than every area: the numbers are there without it. */
const Plot = lazy(() => import('./Plot.tsx'));

export function day(text: string): string {
  return new Date(text).toLocaleDateString(undefined, {
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
  });
}

/** Numbers by day as a chart, and as a table for whoever cannot see it. */
export function Chart({ title, data, x, series, format, kind, height = 200 }: Props) {
  return (
    <figure className={classes.chart}>
      <figcaption className={classes.title}>
        {title}
        {series.length > 1 &&
          series.map(one => (
            <span key={one.key} className={classes.key}>
              <svg width="8" height="8" aria-hidden="true">
                <rect width="8" height="8" rx="1.5" fill={one.colour} />
              </svg>
              {one.name}
            </span>
          ))}
      </figcaption>
      <div className={classes.plot} style={{ height }} aria-hidden="true">
        <Suspense>
          <Plot data={data} x={x} series={series} format={format} kind={kind} />
        </Suspense>
      </div>
      <details className={classes.table}>
        <summary>As a table</summary>
        <Table
          label="The numbers as a table"
          rows={data}
          id={row => String(row[x])}
          columns={[
            { name: 'Day', is: 'day', cell: row => day(String(row[x])) },
            ...series.map(
              (one): Column<(typeof data)[number]> => ({
                name: one.name,
                is: 'number',
                cell: row => format(Number(row[one.key] ?? 0)),
              }),
            ),
          ]}
        />
      </details>
    </figure>
  );
}
