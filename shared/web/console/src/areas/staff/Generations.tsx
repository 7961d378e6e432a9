import type { GenerationStats } from '@prolight/client';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useApi } from '../../context.tsx';
import { Chart } from '../../ui/Chart.tsx';
import { Figures } from '../../ui/Figures.tsx';
import { count, decimal, percent, Words } from '../../ui/format.tsx';
import { Loaded } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';
import { Period, usePeriod } from './Period.tsx';

const DOLLARS = new Intl.NumberFormat(undefined, { style: 'currency', currency: 'USD' });

function seconds(ms: number | null): string {
  return ms === null ? '–' : `${decimal(ms / 1000)} s`;
}

export function Generations() {
  const api = useApi();
  const period = usePeriod();
  const query = useQuery({
    queryKey: ['staff', 'generations', period],
    queryFn: ({ signal }) => api.get('/api/v1/admin/generations/stats', period, signal),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <Period />
      <Loaded query={query} lines={8}>
        {it => (
          <>
            <Figures
              items={[
                {
                  name: 'Finished',
                  value: count(it.period.all.finished),
                  note: `${count(it.previous.all.finished)} before`,
                },
                {
                  name: 'Succeeded',
                  value: percent(it.period.all.success_bps),
                  note: `${count(it.period.all.failed)} failed`,
                },
                { name: 'Blocked', value: count(it.period.all.blocked), note: 'by moderation' },
                {
                  name: 'In the queue',
                  value: seconds(it.period.queue_ms.p50),
                  note: `95 of 100 within ${seconds(it.period.queue_ms.p95)}`,
                },
                {
                  name: 'Being made',
                  value: seconds(it.period.run_ms.p50),
                  note: `95 of 100 within ${seconds(it.period.run_ms.p95)}`,
                },
                {
                  name: 'Active members',
                  value: count(it.active_members.month),
                  note: `${it.active_members.day} today, ${it.active_members.week} this week`,
                },
              ]}
            />
            <section className="panel">
              <Chart
                title="By day"
                kind="bars"
                data={it.days.map(day => ({
                  date: day.date,
                  succeeded: day.succeeded,
                  failed: day.failed,
                }))}
                x="date"
                series={[
                  { key: 'succeeded', name: 'Succeeded', colour: 'var(--accent)' },
                  { key: 'failed', name: 'Failed', colour: 'var(--bad)' },
                ]}
                format={count}
              />
            </section>
            <div className="columns">
              {(['by_plan', 'by_provider'] as const).map(part => (
                <section key={part} className="panel stack">
                  <h2>{Words(part)}</h2>
                  <Table
                    label={Words(part)}
                    rows={it.period[part]}
                    id={row => row.name}
                    columns={[
                      { name: 'Name', cell: row => Words(row.name) },
                      { name: 'Finished', is: 'number', cell: row => count(row.finished) },
                      { name: 'Succeeded', is: 'number', cell: row => percent(row.success_bps) },
                      {
                        name: 'Cost',
                        is: 'number',
                        cell: row => DOLLARS.format(row.cost_micros / 1_000_000),
                      },
                    ]}
                  />
                </section>
              ))}
            </div>
            <div className="columns">
              <Popular title={`Presets of ${it.popular_month}`} rows={it.popular_presets} />
              <Popular title={`Listings of ${it.popular_month}`} rows={it.popular_listings} />
            </div>
          </>
        )}
      </Loaded>
    </>
  );
}

/** What was used most, by the id where it was deleted since. */
function Popular({ title, rows }: { title: string; rows: GenerationStats['popular_presets'] }) {
  return (
    <section className="panel stack">
      <h2>{title}</h2>
      {rows.length === 0 ? (
        <p className="quiet">None was used.</p>
      ) : (
        <Table
          label={title}
          rows={rows}
          id={row => row.id}
          columns={[
            { cell: row => row.name ?? row.id },
            { is: 'number', cell: row => count(row.amount) },
          ]}
        />
      )}
    </section>
  );
}
