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
import { day, type Series } from './Chart.tsx';

interface Props {
  data: Record<string, string | number>[];
  x: string;
  series: Series[];
  format: (value: number) => string;
  kind: 'bars' | 'area';
}

const TICK = { fill: 'var(--quiet)', fontSize: 11 };

/** The drawing of a chart. */
export default function Plot({ data, x, series, format, kind }: Props) {
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
  );
}
