import { Alert } from '@mantine/core';
import { Chart } from '../../ui/Chart.tsx';
import { Figures } from '../../ui/Figures.tsx';
import { count, date, decimal, money, percent, wholeMoney } from '../../ui/format.tsx';
import { Loaded } from '../../ui/lists.tsx';
import { Payee, useStats } from './Payee.tsx';

/** A creator's numbers, and whether Stripe can pay them. */
export function Overview() {
  const stats = useStats();
  return (
    <Loaded query={stats} lines={6}>
      {it => (
        <>
          <Payee it={it} />
          {it.strikes.live.length > 0 && (
            <Alert color="red" title={`${it.strikes.live.length} strikes`}>
              <ul>
                {it.strikes.live.map(strike => (
                  <li key={strike.at}>
                    {strike.reason} ({date(strike.at)}, until {date(strike.expires_at)})
                  </li>
                ))}
              </ul>
              {it.strikes.selling_suspended_until &&
                `Selling is suspended until ${date(it.strikes.selling_suspended_until)}.`}
            </Alert>
          )}
          <Figures
            items={[
              { name: 'Sales', value: count(it.sales) },
              { name: 'Your share, ever', value: money(it.net), note: `of ${money(it.gross)}` },
              {
                name: 'On hold',
                value: money(it.balance.pending),
                note: `payable after ${it.hold_days} days`,
              },
              { name: 'Payable', value: money(it.balance.available) },
              { name: 'Paid', value: money(it.balance.paid) },
              {
                name: 'Seen and bought',
                value: percent(it.conversion_bps),
                note: `${count(it.views)} views`,
              },
              {
                name: 'Reviews',
                value: it.average_rating === null ? '–' : decimal(it.average_rating),
                note: `${count(it.ratings)} in all`,
              },
            ]}
          />
          <section className="panel">
            <Chart
              title="Your share of the last thirty days"
              kind="bars"
              data={it.last_30_days.map(day => ({ date: day.date, net: day.net.amount }))}
              x="date"
              series={[{ key: 'net', name: 'Your share', colour: 'var(--accent)' }]}
              format={cents => wholeMoney(cents, it.net.currency)}
            />
          </section>
          <section className="panel">
            <Chart
              title="Views"
              kind="area"
              data={it.last_30_days.map(day => ({ date: day.date, views: day.views }))}
              x="date"
              series={[{ key: 'views', name: 'Views', colour: 'var(--quiet)' }]}
              format={count}
              height={140}
            />
          </section>
        </>
      )}
    </Loaded>
  );
}
