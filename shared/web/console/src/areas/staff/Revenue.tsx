import type { RevenuePeriod, RevenueStats } from '@prolight/client';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useApi } from '../../context.tsx';
import { Chart } from '../../ui/Chart.tsx';
import { Figures } from '../../ui/Figures.tsx';
import { count, date, percent, When, Words, wholeMoney } from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
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
            note: `${count(period.marketplace.sales)} sales of ${money(period.marketplace.gross)}`,
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
        <Bridge period={period} money={money} />
        <Sources period={period} money={money} />
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
        <Margins period={period} money={money} />
        <section className="panel stack" aria-labelledby="creators">
          <h2 id="creators">Creators of {it.top_creators.month}</h2>
          {it.top_creators.items.length === 0 ? (
            <p className="quiet">No sale in this month yet.</p>
          ) : (
            <table className="plain">
              <tbody>
                {it.top_creators.items.map((creator, nth) => (
                  <tr key={creator.creator_id}>
                    <td className="quiet">{nth + 1}</td>
                    <td>{creator.display_name ?? creator.creator_id}</td>
                    <td className="right">{money(creator.gross)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
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

/** From the MRR at the start to that at the end, movement by movement. */
function Bridge({ period, money }: Part) {
  const { movements } = period;
  const row = (name: string, movement: { count: number; mrr: number }) => (
    <tr>
      <td>{name}</td>
      <td className="right quiet">{movement.count}</td>
      <td className={`right ${movement.mrr < 0 ? 'down' : ''}`}>{money(movement.mrr)}</td>
    </tr>
  );
  const total = (name: string, value: number): ReactNode => (
    <tr>
      <td>
        <b>{name}</b>
      </td>
      <td />
      <td className="right">
        <b>{money(value)}</b>
      </td>
    </tr>
  );
  return (
    <section className="panel stack" aria-labelledby="bridge">
      <h2 id="bridge">How MRR moved</h2>
      <table className="plain">
        <tbody>
          {total('At the start', period.start.mrr)}
          {row('New', movements.new)}
          {row('Came back', movements.reactivation)}
          {row('Grew', movements.expansion)}
          {row('Shrank', movements.contraction)}
          {row('Left', movements.churned)}
          {total('At the end', period.end.mrr)}
        </tbody>
      </table>
    </section>
  );
}

function Sources({ period, money }: Part) {
  return (
    <section className="panel stack" aria-labelledby="sources">
      <h2 id="sources">What was earned</h2>
      <table className="plain">
        <thead>
          <tr>
            <th>From</th>
            <th className="right">Paid</th>
            <th className="right">Returned</th>
            <th className="right">Net</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(period.by_source).map(([name, sums]) => (
            <tr key={name}>
              <td>{Words(name)}</td>
              <td className="right">{money(sums.paid)}</td>
              <td className="right">{money(sums.returned)}</td>
              <td className="right">{money(sums.net)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Margins({ period, money }: Part) {
  return (
    <section className="panel stack" aria-labelledby="margins">
      <h2 id="margins">Margins by plan</h2>
      <table className="plain">
        <thead>
          <tr>
            <th>Plan</th>
            <th className="right">Revenue</th>
            <th className="right">Costs</th>
            <th className="right">Margin</th>
          </tr>
        </thead>
        <tbody>
          {period.margins.map(row => (
            <tr key={row.plan}>
              <td>{Words(row.plan)}</td>
              <td className="right">{money(row.revenue)}</td>
              <td className="right">{money(row.generation_cost + row.processor_fees)}</td>
              <td className={`right ${row.gross_margin < 0 ? 'down' : ''}`}>
                {money(row.gross_margin)}
                <div className="small quiet">{percent(row.gross_margin_bps)}</div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
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
        <table className="plain">
          <tbody>
            {list.items.map(it => (
              <tr key={it.date}>
                <td className="when">{date(it.date)}</td>
                <td className="quiet">
                  made <When at={it.made_at} />
                </td>
                <td>
                  <div className="row">
                    <OpenFile path={it.links.pdf} label="PDF" />
                    <OpenFile path={it.links.csv} label="CSV" />
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </List>
    </section>
  );
}
