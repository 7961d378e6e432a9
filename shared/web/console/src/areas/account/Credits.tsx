import type { Credits as CreditsNow, LedgerEntry, Usage } from '@prolight/client';
import { useQuery } from '@tanstack/react-query';
import { useApi } from '../../context.tsx';
import { Chart } from '../../ui/Chart.tsx';
import { Figures } from '../../ui/Figures.tsx';
import { count, date, dateTime, Words } from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';

/** What there is to spend, until when, and where it went. */
export function Credits() {
  const api = useApi();
  const credits = useQuery({
    queryKey: ['billing', 'credits'],
    queryFn: ({ signal }) => api.get('/api/v1/billing/credits', undefined, signal),
  });
  const usage = useQuery({
    queryKey: ['billing', 'usage'],
    queryFn: ({ signal }) => api.get('/api/v1/billing/usage', undefined, signal),
  });
  return (
    <>
      <Loaded query={credits}>
        {it => (
          <>
            <Figures
              items={[
                {
                  name: 'Available',
                  value: it.available === null ? 'Unlimited' : count(it.available),
                  note: it.held > 0 ? `${count(it.held)} held for running pictures` : undefined,
                },
                { name: 'Spent, ever', value: count(it.totals.spent) },
                {
                  name: 'Next grant',
                  value: it.next_grant ? date(it.next_grant.at) : '–',
                  note: it.next_grant ? granted(it.next_grant) : undefined,
                },
                ...(it.debt > 0
                  ? [{ name: 'Owed', value: count(it.debt), note: 'paid by the next credits' }]
                  : []),
              ]}
            />
            <section className="stack" aria-labelledby="lots">
              <h2 id="lots">Where they come from</h2>
              <Table
                label="Lots"
                rows={it.lots}
                id={lot => lot.id}
                columns={[
                  { name: 'Source', cell: lot => Words(lot.source) },
                  { name: 'Granted', is: 'day', cell: lot => date(lot.granted_at) },
                  { name: 'Left', is: 'number', cell: left },
                  { name: 'Spent', is: 'number', cell: lot => count(lot.spent) },
                  {
                    name: 'Expires',
                    cell: lot => (lot.expires_at ? date(lot.expires_at) : 'never'),
                  },
                ]}
              />
            </section>
          </>
        )}
      </Loaded>
      <Loaded query={usage}>
        {it => (
          <section className="panel">
            <Chart
              title={`Spent this period: ${count(it.used)}${it.limit === null ? '' : ` of ${count(it.limit)}`}`}
              kind="bars"
              data={days(it)}
              x="date"
              series={[{ key: 'used', name: 'Credits', colour: 'var(--accent)' }]}
              format={count}
            />
          </section>
        )}
      </Loaded>
      <Ledger />
    </>
  );
}

function left({ available, granted }: CreditsNow['lots'][number]): string {
  return available === null ? 'unlimited' : `${count(available)} of ${count(granted)}`;
}

function granted({ credits, plan }: NonNullable<CreditsNow['next_grant']>): string {
  const amount = credits === null ? 'unlimited' : `${count(credits)} credits`;
  return `${amount}, ${Words(plan)} plan`;
}

/** Every day of the period until today; the API names only those with use. */
function days(it: Usage): { date: string; used: number }[] {
  const used = new Map(it.by_day.map(day => [day.date, day.used]));
  const first = it.period_starts_at ?? it.by_day[0]?.date;
  if (first === undefined) return it.by_day;
  const found: { date: string; used: number }[] = [];
  const today = new Date().toISOString().slice(0, 10);
  for (
    let at = new Date(first.slice(0, 10));
    found.length < 62;
    at.setUTCDate(at.getUTCDate() + 1)
  ) {
    const name = at.toISOString().slice(0, 10);
    if (name > today) break;
    found.push({ date: name, used: used.get(name) ?? 0 });
  }
  return found;
}

function Ledger() {
  const api = useApi();
  const list = usePages(['billing', 'ledger'], async (cursor, signal) => {
    const it = await api.get('/api/v1/billing/credits', { cursor, limit: 20 }, signal);
    return it.ledger;
  });
  return (
    <section className="stack" aria-labelledby="ledger">
      <h2 id="ledger">Ledger</h2>
      <List query={list} empty="No movement yet.">
        <Table
          label="Ledger"
          rows={list.items}
          id={it => it.seq}
          columns={[
            { name: 'No.', is: 'number', cell: it => <span className="quiet">{it.seq}</span> },
            { name: 'When', is: 'day', cell: it => dateTime(it.at) },
            { name: 'What', cell: it => Words(it.kind) },
            { name: 'Credits', is: 'number', cell: amount },
            { name: 'Left', is: 'number', cell: it => count(it.available_after) },
            { name: 'Cause', cell: it => <span className="small quiet">{it.cause}</span> },
          ]}
        />
      </List>
    </section>
  );
}

function amount(it: LedgerEntry): string {
  if ('shares' in it) {
    return count(it.shares.reduce((total, share) => total + share.credits, 0));
  }
  if (it.kind === 'grant') {
    return it.lot.size === 'unlimited' ? 'unlimited' : `+${count(it.lot.size.credits)}`;
  }
  return '–';
}
