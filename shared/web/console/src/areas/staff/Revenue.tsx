import type { RevenuePeriod, RevenueStats } from '@prolight/client';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useApi } from '../../context.tsx';
import { Chart } from '../../ui/Chart.tsx';
import { Figures } from '../../ui/Figures.tsx';
import {
  count,
  date,
  money as exactMoney,
  monthOf,
  percent,
  When,
  Words,
  wholeMoney,
} from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';
import { OpenFile } from '../account/Invoices.tsx';
import { Period, usePeriod } from './Period.tsx';

/** Recurring revenue and its movements, what was earned, and from what. */
export function Revenue() {
  const api = useApi();
  const period = usePeriod();
  const query = useQuery({
    queryKey: ['staff', 'revenue', period],
    queryFn: ({ signal }) => api.get('/api/v1/admin/revenue/stats', period, signal),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <Period />
      <Loaded query={query} lines={8}>
        {it => <Numbers it={it} />}
      </Loaded>
      <Reports />
    </>
  );
}

function Numbers({ it }: { it: RevenueStats }) {
  const money = (cents: number) => wholeMoney(cents, it.currency);
  // Rounded parts do not add up to a rounded sum.
  const exact = (cents: number) => exactMoney({ amount: cents, currency: it.currency });
  const { period, previous } = it;
  const against = (now: number, before: number) => <Change now={now} before={before} />;
  return (
    <>
      <Figures
        items={[
          {
            name: 'MRR',
            value: money(period.end.mrr),
            note: against(period.end.mrr, period.start.mrr),
          },
          {
            name: 'ARR',
            value: money(period.end.arr),
            note: `${count(period.end.customers)} paying`,
          },
          {
            name: 'Net revenue',
            value: money(period.revenue.net),
            note: against(period.revenue.net, previous.revenue.net),
          },
          {
            name: 'Customers lost',
            value: percent(period.churn.of_start_bps),
            note: `${period.churn.ended} of those at the start`,
          },
          {
            name: 'MRR lost',
            value: percent(period.churn.mrr_of_start_bps),
            note: `${percent(previous.churn.mrr_of_start_bps)} before`,
          },
          {
            name: 'Commission',
            value: money(period.marketplace.commission - period.marketplace.returned_commission),
            note: `${count(period.marketplace.sales)} ${period.marketplace.sales === 1 ? 'sale' : 'sales'} of ${money(period.marketplace.gross)}`,
          },
          {
            name: 'New members',
            value: count(period.new_members),
            note: against(period.new_members, previous.new_members),
          },
          { name: 'Failed payments', value: count(period.failed_payments) },
        ]}
      />
      <section className="panel">
        <Chart
          title="Monthly recurring revenue"
          kind="area"
          data={it.days.map(day => ({ date: day.date, mrr: day.mrr }))}
          x="date"
          series={[{ key: 'mrr', name: 'MRR', colour: 'var(--accent)' }]}
          format={money}
          height={220}
        />
      </section>
      <div className="columns">
        <Bridge period={period} money={exact} />
        <Sources period={period} money={exact} />
      </div>
      <section className="panel">
        <Chart
          title="Revenue by day"
          kind="bars"
          data={it.days.map(day => ({ date: day.date, net: day.revenue.net }))}
          x="date"
          series={[{ key: 'net', name: 'Net', colour: 'var(--accent)' }]}
          format={money}
        />
      </section>
      <div className="columns">
        <Margins period={period} money={exact} />
        <section className="panel stack" aria-labelledby="creators">
          <h2 id="creators">Creators of {monthOf(it.top_creators.month)}</h2>
          {it.top_creators.items.length === 0 ? (
            <p className="quiet">No sale in this month yet.</p>
          ) : (
            <Table
              label={`Creators of ${monthOf(it.top_creators.month)}`}
              rows={it.top_creators.items}
              id={creator => creator.creator_id}
              columns={[
                { cell: (_, nth) => <span className="quiet">{nth + 1}</span> },
                { cell: creator => creator.display_name ?? creator.creator_id },
                { is: 'number', cell: creator => money(creator.gross) },
              ]}
            />
          )}
        </section>
      </div>
      <Definitions version={it.definition_version} />
    </>
  );
}

function Change({ now, before }: { now: number; before: number }) {
  if (before === 0) return <>nothing before</>;
  const share = (now - before) / Math.abs(before);
  return (
    <span className={share < 0 ? 'down' : 'up'}>
      {new Intl.NumberFormat(undefined, {
        style: 'percent',
        signDisplay: 'exceptZero',
        maximumFractionDigits: 1,
      }).format(share)}
    </span>
  );
}

interface Part {
  period: RevenuePeriod;
  money: (cents: number) => string;
}

interface Movement {
  name: string;
  /** Absent in a total. */
  count?: number;
  mrr: number;
}

/** From the MRR at the start to that at the end, movement by movement. */
function Bridge({ period, money }: Part) {
  const { start, movements, end } = period;
  const rows: Movement[] = [
    { name: 'At the start', mrr: start.mrr },
    { name: 'New', ...movements.new },
    { name: 'Came back', ...movements.reactivation },
    { name: 'Grew', ...movements.expansion },
    { name: 'Shrank', ...movements.contraction },
    { name: 'Left', ...movements.churned },
    { name: 'At the end', mrr: end.mrr },
  ];
  const weighed = (it: Movement, text: string) =>
    it.count === undefined ? <b>{text}</b> : <Signed value={it.mrr}>{text}</Signed>;
  return (
    <section className="panel stack" aria-labelledby="bridge">
      <h2 id="bridge">How MRR moved</h2>
      <Table
        label="How MRR moved"
        rows={rows}
        id={it => it.name}
        columns={[
          { cell: it => (it.count === undefined ? <b>{it.name}</b> : it.name) },
          { is: 'number', cell: it => <span className="quiet">{it.count}</span> },
          { is: 'number', cell: it => weighed(it, money(it.mrr)) },
        ]}
      />
    </section>
  );
}

/** A number that is marked where it is below zero. */
function Signed({ value, children }: { value: number; children: ReactNode }) {
  return <div className={value < 0 ? 'down' : undefined}>{children}</div>;
}

function Sources({ period, money }: Part) {
  return (
    <section className="panel stack" aria-labelledby="sources">
      <h2 id="sources">What was earned</h2>
      <Table
        label="What was earned"
        rows={Object.entries(period.by_source)}
        id={([name]) => name}
        columns={[
          { name: 'From', cell: ([name]) => Words(name) },
          { name: 'Paid', is: 'number', cell: ([, sums]) => money(sums.paid) },
          { name: 'Returned', is: 'number', cell: ([, sums]) => money(sums.returned) },
          { name: 'Net', is: 'number', cell: ([, sums]) => money(sums.net) },
        ]}
      />
    </section>
  );
}

function Margins({ period, money }: Part) {
  return (
    <section className="panel stack" aria-labelledby="margins">
      <h2 id="margins">Margins by plan</h2>
      <Table
        label="Margins by plan"
        rows={period.margins}
        id={row => row.plan}
        columns={[
          { name: 'Plan', cell: row => Words(row.plan) },
          { name: 'Revenue', is: 'number', cell: row => money(row.revenue) },
          {
            name: 'Costs',
            is: 'number',
            cell: row => money(row.generation_cost + row.processor_fees),
          },
          {
            name: 'Margin',
            is: 'number',
            cell: row => (
              <Signed value={row.gross_margin}>
                {money(row.gross_margin)}
                <div className="small quiet">{percent(row.gross_margin_bps)}</div>
              </Signed>
            ),
          },
        ]}
      />
    </section>
  );
}

function Definitions({ version }: { version: number }) {
  return (
    <details>
      <summary>What the numbers mean (definitions, version {version})</summary>
      <dl className="facts">
        <dt>MRR</dt>
        <dd>The monthly price of every paid subscription that is live, in UTC days.</dd>
        <dt>ARR</dt>
        <dd>Twelve times the MRR.</dd>
        <dt>Customers lost</dt>
        <dd>Subscriptions that ended in the period, of those live at its start.</dd>
        <dt>MRR lost</dt>
        <dd>MRR of those that left and shrank, of the MRR at the start.</dd>
        <dt>Net revenue</dt>
        <dd>Payments without tax, less what was refunded or lost in disputes.</dd>
        <dt>Commission</dt>
        <dd>Our share of marketplace sales; the rest belongs to creators.</dd>
        <dt>Costs</dt>
        <dd>What the image provider and the payment processor charge.</dd>
      </dl>
    </details>
  );
}

function Reports() {
  const api = useApi();
  const list = usePages(['staff', 'reports'], (cursor, signal) =>
    api.get('/api/v1/admin/revenue/reports', { limit: 10, cursor }, signal),
  );
  return (
    <section className="stack" aria-labelledby="reports">
      <h2 id="reports">Reports by day</h2>
      <List query={list} empty="The first report is made in the night after the first day.">
        <Table
          label="Reports by day"
          rows={list.items}
          id={it => it.date}
          columns={[
            { is: 'day', cell: it => date(it.date) },
            {
              cell: it => (
                <span className="quiet">
                  made <When at={it.made_at} />
                </span>
              ),
            },
            {
              cell: it => (
                <div className="row">
                  <OpenFile path={it.links.pdf} label="PDF" />
                  <OpenFile path={it.links.csv} label="CSV" />
                </div>
              ),
            },
          ]}
        />
      </List>
    </section>
  );
}
