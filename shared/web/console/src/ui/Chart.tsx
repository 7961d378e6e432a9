import {
  Area,
  AreaChart,
  Bar,
  BarChart,
  CartesianGrid,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import classes from './Chart.module.css';
import { Scroll } from './Scroll.tsx';

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

const TICK = { fill: 'var(--quiet)', fontSize: 11 };

function day(text: string): string {
  return new Date(text).toLocaleDateString(undefined, {
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
  });
}

/** Numbers by day as a chart, and as a table for whoever cannot see it. */
export function Chart({ title, data, x, series, format, kind, height = 200 }: Props) {
  const shared = {
    data,
    margin: { top: 8, right: 4, bottom: 0, left: 0 },
    accessibilityLayer: false,
  };
  const parts = (
    <>
      <CartesianGrid vertical={false} stroke="var(--line)" />
      <XAxis
        dataKey={x}
        tickFormatter={day}
        minTickGap={40}
        tick={TICK}
        tickLine={false}
        axisLine={false}
      />
      <YAxis
        width={56}
        tickFormatter={format}
        tick={TICK}
        tickLine={false}
        axisLine={false}
        allowDecimals={false}
      />
      <Tooltip
        cursor={{ fill: 'var(--raised)', stroke: 'var(--line-strong)' }}
        isAnimationActive={false}
        labelFormatter={label => day(String(label))}
        formatter={(value, name) => [format(Number(value)), name]}
        contentStyle={{
          background: 'var(--panel)',
          border: '1px solid var(--line-strong)',
          borderRadius: 4,
          fontSize: 12,
        }}
      />
    </>
  );
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
        <ResponsiveContainer width="100%" height="100%">
          {kind === 'bars' ? (
            <BarChart {...shared}>
              {parts}
              {series.map(one => (
                <Bar
                  key={one.key}
                  dataKey={one.key}
                  name={one.name}
                  stackId="all"
                  fill={one.colour}
                  maxBarSize={18}
                  isAnimationActive={false}
                />
              ))}
            </BarChart>
          ) : (
            <AreaChart {...shared}>
              {parts}
              {series.map(one => (
                <Area
                  key={one.key}
                  dataKey={one.key}
                  name={one.name}
                  type="monotone"
                  stroke={one.colour}
                  fill={one.colour}
                  fillOpacity={0.14}
                  strokeWidth={1.6}
                  isAnimationActive={false}
                />
              ))}
            </AreaChart>
          )}
        </ResponsiveContainer>
      </div>
      <details className={classes.table}>
        <summary>As a table</summary>
        <Scroll label="The numbers as a table">
          <table className="plain">
            <thead>
              <tr>
                <th>Day</th>
                {series.map(one => (
                  <th key={one.key} className="right">
                    {one.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.map(row => (
                <tr key={String(row[x])}>
                  <td>{day(String(row[x]))}</td>
                  {series.map(one => (
                    <td key={one.key} className="right">
                      {format(Number(row[one.key] ?? 0))}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </details>
    </figure>
  );
}
