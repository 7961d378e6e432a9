import { Badge } from '@mantine/core';
import type { Reward } from '@prolight/client';
import { Link } from '@tanstack/react-router';
import { useApi } from '../../context.tsx';
import { count, date, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';

/** The member's links to listings, and the credits that sales through them brought. */
export function Shares() {
  return (
    <>
      <Links />
      <Rewards />
    </>
  );
}

function Links() {
  const api = useApi();
  const list = usePages(['shares'], (cursor, signal) =>
    api.get('/api/v1/marketplace/shares', { limit: 20, cursor }, signal),
  );
  return (
    <section className="stack" aria-labelledby="links">
      <h2 id="links">Shared links</h2>
      <List
        query={list}
        empty={
          <>
            No link yet. <Link to="/market">Share a listing</Link>: a sale through your link earns
            you credits.
          </>
        }
      >
        <Table
          label="Shared links"
          rows={list.items}
          id={it => it.id}
          columns={[
            {
              name: 'Listing',
              cell: it => (
                <>
                  {it.title === null ? (
                    'No longer on sale'
                  ) : (
                    <Link to="/market/listings/$id" params={{ id: it.listing_id }}>
                      {it.title}
                    </Link>
                  )}
                  <div className="small quiet">{it.url}</div>
                </>
              ),
            },
            { name: 'Visitors', is: 'number', cell: it => count(it.views) },
            { name: 'Sales', is: 'number', cell: it => count(it.sales) },
            {
              name: 'Credits',
              is: 'number',
              cell: ({ credits }) => (
                <>
                  {count(credits.granted)}
                  {credits.held > 0 && (
                    <div className="small quiet">{count(credits.held)} held</div>
                  )}
                </>
              ),
            },
            {
              name: 'Last visit',
              is: 'day',
              cell: it => (it.last_viewed_at ? date(it.last_viewed_at) : '–'),
            },
          ]}
        />
      </List>
    </section>
  );
}

const COLOURS: Record<Reward['status'], string> = {
  held: 'tungsten',
  granted: 'green',
  cancelled: 'gray',
};
const CANCELLED: Record<string, string> = {
  refunded: 'the sale was refunded',
  own_card: 'it was paid with your own card',
  suspended: 'your account was suspended',
  email_unverified: 'your e-mail address is not verified',
};

function Rewards() {
  const api = useApi();
  const list = usePages(['rewards'], (cursor, signal) =>
    api.get('/api/v1/marketplace/rewards', { limit: 20, cursor }, signal),
  );
  return (
    <section className="stack" aria-labelledby="rewards">
      <h2 id="rewards">Rewards</h2>
      <List query={list} empty="No sale through a link of yours yet.">
        <Table
          label="Rewards"
          rows={list.items}
          id={(_, nth) => nth}
          columns={[
            {
              name: 'Earned',
              is: 'day',
              cell: it => (it.earned_at ? date(it.earned_at) : '–'),
            },
            { name: 'Credits', is: 'number', cell: it => count(it.credits) },
            { name: 'State', cell: it => <State it={it} /> },
          ]}
        />
      </List>
    </section>
  );
}

function State({ it }: { it: Reward }) {
  return (
    <>
      <Badge size="sm" variant="light" color={COLOURS[it.status]}>
        {Words(it.status)}
      </Badge>{' '}
      <span className="small quiet">
        {it.status === 'held' && it.due_at && `until ${date(it.due_at)}`}
        {it.status !== 'held' && it.decided_at && date(it.decided_at)}
        {it.reason && `, ${CANCELLED[it.reason] ?? it.reason}`}
      </span>
    </>
  );
}
