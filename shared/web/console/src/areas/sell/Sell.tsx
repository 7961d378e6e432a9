import { Alert, Badge, Button, SegmentedControl } from '@mantine/core';
import type { CreatorStats, OwnListing } from '@prolight/client';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Chart } from '../../ui/Chart.tsx';
import { Figures } from '../../ui/Figures.tsx';
import {
  count,
  date,
  money,
  percent,
  price,
  TYPE_NAMES,
  When,
  Words,
  wholeMoney,
} from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
import { announceProblem } from '../../ui/problem.tsx';
import { Scroll } from '../../ui/Scroll.tsx';
import { Sections } from '../../ui/Sections.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { OpenFile } from '../account/Invoices.tsx';
import { HIDDEN, STATE_COLOURS } from './listing.ts';
import classes from './Sell.module.css';

/** What a creator has on sale and what it earns. */
export function Sell() {
  return (
    <SignedIn title="Sell rigs, cameras, templates and models">
      <Parts />
    </SignedIn>
  );
}

function Parts() {
  const { tab } = useSearch({ from: '/sell' });
  const navigate = useNavigate();
  return (
    <div className="page">
      <div className="page-head">
        <h1>Sell</h1>
        <Button size="xs" renderRoot={props => <Link to="/sell/new" search={{}} {...props} />}>
          New listing
        </Button>
      </div>
      <Sections
        label="Sell"
        open={tab}
        onOpen={value => navigate({ to: '/sell', search: { tab: value } })}
        sections={[
          { value: 'listings', name: 'Listings', content: () => <Listings /> },
          { value: 'overview', name: 'Overview', content: () => <Overview /> },
          { value: 'earnings', name: 'Earnings', content: () => <Earnings /> },
          { value: 'payouts', name: 'Payouts', content: () => <Payouts /> },
        ]}
      />
    </div>
  );
}

function useStats() {
  const api = useApi();
  return useQuery({
    queryKey: ['sell', 'stats'],
    queryFn: ({ signal }) => api.get('/api/v1/marketplace/creator/stats', undefined, signal),
  });
}

function Listings() {
  const api = useApi();
  const [state, setState] = useState<string>('all');
  const list = usePages(['sell', 'listings'], (cursor, signal) =>
    api.get('/api/v1/marketplace/creator/listings', { limit: 50, cursor }, signal),
  );
  const shown = list.items.filter(it => state === 'all' || it.state === state);
  const states = [...new Set(list.items.map(it => it.state))];
  return (
    <>
      {states.length > 1 && (
        <div className="tab-scroll">
          <SegmentedControl
            size="xs"
            aria-label="State"
            data={[
              { value: 'all', label: 'All' },
              ...states.map(value => ({ value, label: Words(value) })),
            ]}
            value={state}
            onChange={setState}
          />
        </div>
      )}
      <List
        query={list}
        empty={
          <>
            Nothing for sale yet.{' '}
            <Link to="/sell/new" search={{}}>
              Make your first listing
            </Link>
            : a rig, a camera, a template or a model.
          </>
        }
      >
        <ul className={classes.rows}>
          {shown.map(it => (
            <li key={it.id} className={classes.row}>
              <Link
                to="/sell/listings/$id"
                params={{ id: it.id }}
                className={classes.picture}
                tabIndex={-1}
                aria-hidden="true"
              >
                {it.previews[0] ? (
                  <img src={it.previews[0].url_300} alt="" loading="lazy" />
                ) : (
                  <span className="small">No picture</span>
                )}
              </Link>
              <div className={classes.what}>
                <Link to="/sell/listings/$id" params={{ id: it.id }} className={classes.title}>
                  {it.title}
                </Link>
                <span className="quiet small">
                  {TYPE_NAMES[it.type]}, version {it.version}, changed <When at={it.updated_at} />
                </span>
                <Why it={it} />
              </div>
              <Badge variant="light" color={STATE_COLOURS[it.state] ?? 'gray'}>
                {Words(it.state)}
              </Badge>
              <div className={classes.numbers}>
                <span>{price(it.price)}</span>
                <span className="quiet small">
                  {count(it.sales)} sold, {count(it.views)} seen
                </span>
              </div>
            </li>
          ))}
        </ul>
      </List>
    </>
  );
}

/** What hides it, and why. */
export function Why({ it }: { it: OwnListing }) {
  if (it.hidden_by.length === 0) return null;
  const hidden = it.hidden_by.map(
    ({ code, reason, until }) =>
      HIDDEN[code] + (reason ? ` “${reason}”` : '') + (until ? ` Until ${date(until)}.` : ''),
  );
  return <span className="small">{hidden.join(' ')}</span>;
}

function Overview() {
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
                value: it.average_rating === null ? '–' : it.average_rating.toFixed(1),
                note: `${it.ratings} in all`,
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

const PAYEE: Record<string, string> = {
  none: 'To be paid, tell Stripe who you are and where the money goes. You can sell before that.',
  incomplete: 'Stripe needs something more before it can pay you.',
  ready: 'Stripe can pay you.',
  closed: 'Your account at Stripe is closed.',
};

/** Whether Stripe can pay the creator, and the way to its page. */
function Payee({ it }: { it: CreatorStats }) {
  const api = useApi();
  const { state } = it.account;
  const begin = useMutation({
    mutationFn: () => api.post('/api/v1/marketplace/creator/onboarding'),
    onSuccess: made => location.assign(made.onboarding_url),
    onError: error => announceProblem(error, 'Open Stripe’s page'),
  });
  return (
    <section className="panel stack" aria-labelledby="payee">
      <div className="row between">
        <h2 id="payee">Being paid</h2>
        <Badge variant="light" color={state === 'ready' ? 'green' : 'tungsten'}>
          {state === 'none' ? 'Not set up' : Words(state)}
        </Badge>
      </div>
      <p>{PAYEE[state] ?? Words(state)}</p>
      {it.account.requirements.length > 0 && (
        <p className="small quiet">
          Outstanding:{' '}
          {it.account.requirements.map(name => name.replaceAll(/[._]/g, ' ')).join('; ')}
        </p>
      )}
      {state !== 'ready' && state !== 'closed' && (
        <div>
          <Button size="xs" loading={begin.isPending} onClick={() => begin.mutate()}>
            {state === 'none' ? 'Set it up at Stripe' : 'Go on at Stripe'}
          </Button>
        </div>
      )}
      <p className="small quiet">
        The platform keeps {percent(it.fee_bps)} of a sale. The rest is payable {it.hold_days} days
        after it.
      </p>
    </section>
  );
}

function Earnings() {
  const api = useApi();
  const list = usePages(['sell', 'earnings'], (cursor, signal) =>
    api.get('/api/v1/marketplace/creator/earnings', { limit: 25, cursor }, signal),
  );
  return (
    <>
      <Statement />
      <List
        query={list}
        empty="No sale yet. Each appears here with the date from which it is payable."
      >
        <Scroll label="Earnings">
          <table className="plain">
            <thead>
              <tr>
                <th>Sold</th>
                <th>Listing</th>
                <th>State</th>
                <th className="right">Price</th>
                <th className="right">Fee</th>
                <th className="right">Your share</th>
              </tr>
            </thead>
            <tbody>
              {list.items.map(it => {
                return (
                  <tr key={it.purchase_id}>
                    <td className="when">{date(it.sold_at)}</td>
                    <td>
                      <Link to="/sell/listings/$id" params={{ id: it.listing_id }}>
                        {it.title}
                      </Link>
                      {it.refund_reason && <div className="small quiet">{it.refund_reason}</div>}
                    </td>
                    <td>
                      {Words(it.status)}
                      {it.status === 'held' && (
                        <div className="small quiet">until {date(it.hold_until)}</div>
                      )}
                    </td>
                    <td className="right">{money(it.gross)}</td>
                    <td className="right">{money(it.fee)}</td>
                    <td className="right">
                      {money(it.net)}
                      {it.refunded.amount > 0 && (
                        <div className="small quiet">{money(it.refunded)} refunded</div>
                      )}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Scroll>
      </List>
    </>
  );
}

/** The statement of a month as a file. */
function Statement() {
  const months = Array.from({ length: 6 }, (_, back) => {
    const day = new Date();
    day.setUTCDate(1);
    day.setUTCMonth(day.getUTCMonth() - back);
    return day.toISOString().slice(0, 7);
  });
  const [month, setMonth] = useState(months[0] ?? '');
  const path = `/api/v1/marketplace/creator/statements/${month}` as const;
  return (
    <div className="row">
      <label className="row">
        Statement of
        <select value={month} onChange={event => setMonth(event.currentTarget.value)}>
          {months.map(value => (
            <option key={value} value={value}>
              {new Date(`${value}-01`).toLocaleDateString(undefined, {
                month: 'long',
                year: 'numeric',
                timeZone: 'UTC',
              })}
            </option>
          ))}
        </select>
      </label>
      <OpenFile path={`${path}?format=pdf`} label="PDF" />
      <OpenFile path={`${path}?format=csv`} label="CSV" />
    </div>
  );
}

function Payouts() {
  const api = useApi();
  const list = usePages(['sell', 'payouts'], (cursor, signal) =>
    api.get('/api/v1/marketplace/creator/payouts', { limit: 25, cursor }, signal),
  );
  const stats = useStats();
  return (
    <>
      {stats.data && <Payee it={stats.data} />}
      <List
        query={list}
        empty="No payout yet. They are made every day on which something is payable."
      >
        <Scroll label="Payouts">
          <table className="plain">
            <thead>
              <tr>
                <th>Day</th>
                <th>State</th>
                <th className="right">Sales</th>
                <th className="right">Amount</th>
                <th>Sent</th>
              </tr>
            </thead>
            <tbody>
              {list.items.map(it => (
                <tr key={it.id}>
                  <td className="when">{date(it.date)}</td>
                  <td>
                    {Words(it.status)}
                    {it.reason && <div className="small quiet">{Words(it.reason)}</div>}
                  </td>
                  <td className="right">{it.sales}</td>
                  <td className="right">
                    {money(it.amount)}
                    {it.settled.amount !== 0 && (
                      <div className="small quiet">{money(it.settled)} settled</div>
                    )}
                  </td>
                  <td>{it.sent_at ? date(it.sent_at) : '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </List>
    </>
  );
}
