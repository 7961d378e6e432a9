import type { Credits as CreditsNow, LedgerEntry, Usage } from '@prolight/client';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
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

const DAY_MS = 86_400_000;
/** As many days as are shown where the plan has no period, and at most. */
const [DAYS, DAYS_MAX] = [30, 62];

/** Every day of the period, also those to come; the API names only those with use. */
export function days(it: Usage, now = Date.now()): { date: string; used: number }[] {
  const used = new Map(it.by_day.map(day => [day.date, day.used]));
  const last = it.period_ends_at ? Date.parse(it.period_ends_at) - 1 : now;
  const first = it.period_starts_at ? Date.parse(it.period_starts_at) : last - (DAYS - 1) * DAY_MS;
  const found: { date: string; used: number }[] = [];
  for (let at = first - (first % DAY_MS); at <= last && found.length < DAYS_MAX; at += DAY_MS) {
    const date = new Date(at).toISOString().slice(0, 10);
    found.push({ date, used: used.get(date) ?? 0 });
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
            { name: 'What', cell: what },
            { name: 'Credits', is: 'number', cell: amount },
            { name: 'Left', is: 'number', cell: it => count(it.available_after) },
            { name: 'Cause', cell: it => <Cause it={it} /> },
          ]}
        />
      </List>
    </section>
  );
}

const KINDS: Record<Exclude<LedgerEntry['kind'], 'grant'>, string> = {
  hold: 'Held',
  capture: 'Charged',
  release: 'Returned',
  expire: 'Expired',
  end: 'Ended',
  revoke: 'Taken back',
  owe: 'Owed',
  repay: 'Debt repaid',
  forgive: 'Debt forgiven',
};

/** What a movement of the ledger is called. */
export function what(it: LedgerEntry): string {
  if (it.kind !== 'grant') return KINDS[it.kind];
  const { source, size } = it.lot;
  switch (source) {
    case 'purchase':
      return size === 'unlimited' ? 'Pack' : `Pack of ${count(size.credits)}`;
    case 'plan':
      return 'Credits of the plan';
    case 'admin':
      return 'Granted by staff';
    case 'promo':
      return 'Reward';
  }
}

/** How a movement changes what is available; what was held before is charged without a change. */
export function amount(it: LedgerEntry): string {
  switch (it.kind) {
    case 'grant':
      return it.lot.size === 'unlimited' ? 'unlimited' : `+${count(it.lot.size.credits)}`;
    case 'release':
      return `+${count(total(it.shares))}`;
    case 'hold':
    case 'expire':
    case 'revoke':
    case 'repay':
      return `−${count(total(it.shares))}`;
    case 'owe':
    case 'forgive':
      return count(it.credits);
    case 'capture':
    case 'end':
      return '–';
  }
}

function total(shares: { credits: number }[]): number {
  return shares.reduce((sum, share) => sum + share.credits, 0);
}

/** What a movement was made for; a picture is led to. */
function Cause({ it }: { it: LedgerEntry }) {
  if (it.cause.startsWith('gen_')) {
    return (
      <Link to="/gallery" search={{ open: it.cause }}>
        The picture
      </Link>
    );
  }
  const [kind = ''] = it.cause.split(':');
  return <span className="small quiet">{CAUSES[kind] ?? it.cause}</span>;
}

/** The first part of a cause that is a key of ours or of Stripe's. */
const CAUSES: Record<string, string> = {
  free: 'Free plan',
  pack: 'Bought',
  payment: 'A payment',
  plan: 'Subscription',
};
