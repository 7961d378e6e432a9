import { Badge, Button, Modal, Textarea } from '@mantine/core';
import type { Purchase } from '@prolight/client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi, useSignedIn } from '../../context.tsx';
import {
  bytes,
  date,
  dateTime,
  money,
  price,
  TYPE_NAMES,
  When,
  Words,
  words,
} from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { Source } from '../../ui/Source.tsx';
import { OpenFile } from '../account/Invoices.tsx';
import classes from './Market.module.css';
import { useBought } from './useBought.ts';

/** What the member bought, with its files and its money. */
export function Purchases() {
  return (
    <SignedIn title="Your purchases">
      <Bought />
    </SignedIn>
  );
}

function Bought() {
  const api = useApi();
  const fresh = useSearch({ from: '/market/purchases' }).new;
  const list = usePages(
    ['purchases', 'all'],
    (cursor, signal) => api.get('/api/v1/marketplace/purchases', { limit: 20, cursor }, signal),
    {
      enabled: useSignedIn(),
      // The payment page sends the buyer back before its message has arrived.
      follow: items => items.some(it => it.id === fresh && isOnItsWay(it)) && 2_000,
    },
  );
  return (
    <div className="page">
      <div className="page-head">
        <h1>Your purchases</h1>
        <Link to="/market" search={{}}>
          Market
        </Link>
      </div>
      <List
        query={list}
        empty={
          <>
            Nothing bought yet.{' '}
            <Link to="/market" search={{}}>
              Look around the market
            </Link>
            .
          </>
        }
      >
        <div className="stack">
          {list.items.map(it => (
            <Row key={it.id} it={it} fresh={it.id === fresh} />
          ))}
        </div>
      </List>
    </div>
  );
}

function isOnItsWay({ status }: Purchase): boolean {
  return status === 'pending' || status === 'processing';
}

const COLOURS: Partial<Record<Purchase['status'], string>> = {
  paid: 'green',
  expired: 'gray',
  refunded: 'gray',
  failed: 'red',
  returned: 'red',
};

function Row({ it, fresh }: { it: Purchase; fresh: boolean }) {
  const { status, refund_request: request } = it;
  const waiting = fresh && isOnItsWay(it);
  const asked = request?.status === 'pending';
  return (
    <article className="panel stack" aria-label={it.title}>
      <div className="row between">
        <h2>
          <Link to="/market/listings/$id" params={{ id: it.listing_id }}>
            {it.title}
          </Link>
        </h2>
        <span className="num">{price(it.price)}</span>
      </div>
      <div className="row">
        <Badge variant="light" color={COLOURS[status] ?? 'tungsten'}>
          {Words(status)}
        </Badge>
        <span className="quiet">
          {TYPE_NAMES[it.type]}, version {it.version}
          {it.latest_version > it.version && ` (${it.latest_version} is yours too)`},{' '}
          <When at={it.created_at} />
        </span>
        {it.entitlement && it.entitlement !== 'active' && (
          <Badge variant="light" color="red">
            {Words(it.entitlement)}
          </Badge>
        )}
      </div>
      {waiting && (
        <p role="status">
          Stripe has sent you back. The payment is confirmed within moments; this page follows it.
        </p>
      )}
      {fresh && status === 'paid' && <p role="status">It is yours. Thank you.</p>}
      {status === 'failed' && (
        <p>The payment failed{it.status_code && `: ${words(it.status_code)}`}.</p>
      )}
      {status === 'returned' && (
        <p>
          {RETURNED[it.status_code ?? ''] ?? 'It could no longer be bought'}, so we returned{' '}
          {money(it.paid ?? it.price)}.
        </p>
      )}
      {it.entitlement === 'suspended' && (
        <p>While the payment is disputed, it cannot be used in the studio.</p>
      )}
      <Refunds it={it} />
      {it.review_removed && (
        <p>
          Staff removed your review {date(it.review_removed.at)}: “{it.review_removed.reason}”
        </p>
      )}
      <div className="row">
        {it.entitlement === 'active' && <Use it={it} />}
        {it.checkout_url && <Pay it={it} page={it.checkout_url} />}
        {it.links.receipt && <OpenFile path={it.links.receipt} label="Receipt" />}
        {status === 'paid' && it.price.amount > 0 && !asked && <Refund it={it} />}
      </div>
    </article>
  );
}

/** Why a payment that came too late was returned, by its code. */
const RETURNED: Record<string, string> = {
  already_owned: 'You already owned it',
  cannot_buy_own_listing: 'It is your own listing',
  listing_unlisted: 'It was no longer on sale',
  price_changed: 'Its price had changed',
  seller_suspended: 'Its creator could not sell at that time',
};

/** The way to a payment page that is still open. What one has by another purchase is not paid. */
function Pay({ it, page }: { it: Purchase; page: string }) {
  const bought = useBought(it.listing_id);
  if (bought.isPending) return null;
  const isOwned = bought.data?.items.some(
    one => one.entitlement === 'active' || one.entitlement === 'suspended',
  );
  if (isOwned) {
    return (
      <span className="quiet">You own it by another purchase; this page lapses by itself.</span>
    );
  }
  return (
    <Button size="xs" component="a" href={page}>
      Pay
    </Button>
  );
}

/** What became of the wish for the money back. */
function Refunds({ it }: { it: Purchase }) {
  const request = it.refund_request;
  return (
    <>
      {request?.status === 'pending' && (
        <p>
          You asked for a refund {date(request.requested_at)}. A person looks at it, because{' '}
          {BECAUSE[request.because] ?? words(request.because)}.
        </p>
      )}
      {request?.status === 'declined' && (
        <p>
          Your request for a refund was declined
          {request.decided_at && ` ${date(request.decided_at)}`}: “{request.decision_reason}”
        </p>
      )}
      {it.refunds.length > 0 && (
        <ul className={classes.refunds} aria-label="Refunds">
          {it.refunds.map(one => (
            <li key={one.number}>
              {date(one.created_at)}, {money(one.amount)}: {REFUND[one.status]}
              {one.reason && `, “${one.reason}”`}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const BECAUSE: Record<string, string> = {
  refund_window_over: 'the time for a refund at once is over',
  downloaded_already: 'it was downloaded',
  used_already: 'it was used',
};
const REFUND: Record<Purchase['refunds'][number]['status'], string> = {
  asked: 'on its way to you',
  done: 'refunded',
  failed: 'refused by your bank; you still have the listing',
};

function Use({ it }: { it: Purchase }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button
        size="xs"
        renderRoot={props => <Link to="/studio" search={{ listing: it.listing_id }} {...props} />}
      >
        Use it in the studio
      </Button>
      <Button size="xs" variant="default" onClick={() => setOpen(true)}>
        Content and files
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title={it.title} size="lg">
        <Versions id={it.id} />
      </Modal>
    </>
  );
}

/** What the content of a listing is called, by its type. */
const CONTENT: Record<Purchase['type'], string> = {
  lighting_preset: 'the rig',
  camera_preset: 'the camera',
  fibo_template: 'the template',
  model_finetune: 'the description',
};

/** The versions that the buyer has, with what can be downloaded of each. */
function Versions({ id }: { id: string }) {
  const api = useApi();
  const queries = useQueryClient();
  const query = useQuery({
    queryKey: ['purchases', 'one', id],
    queryFn: ({ signal }) => api.get(`/api/v1/marketplace/purchases/${id}`, undefined, signal),
  });
  const download = useMutation({
    mutationFn: (what: { version: number; file_id?: string }) =>
      api.post(`/api/v1/marketplace/purchases/${id}/downloads`, what),
    onSuccess: made => {
      window.open(made.url, '_blank', 'noopener');
      // What was downloaded is no longer refunded at once.
      void queries.invalidateQueries({ queryKey: ['purchases', 'all'] });
    },
    onError: error => announceProblem(error, 'Download'),
  });
  const shown = download.data;
  const button = (name: string, what: { version: number; file_id?: string }) => (
    <Button
      key={name}
      size="compact-xs"
      variant="default"
      disabled={download.isPending}
      onClick={() => download.mutate(what)}
    >
      {name}
    </Button>
  );
  return (
    <Loaded query={query}>
      {it => (
        <div className="stack">
          {it.refundable_until && (
            <p className="small quiet">After a download, a refund needs a reason.</p>
          )}
          {it.versions.map(({ version, changes, files }) => (
            <section key={version} className="stack" aria-label={`Version ${version}`}>
              <h3>Version {version}</h3>
              {changes && <p>{changes}</p>}
              <div className="row">
                {button(`Download ${CONTENT[it.type]}`, { version })}
                {files.map(file =>
                  button(`${file.name} (${bytes(file.bytes)})`, { version, file_id: file.id }),
                )}
              </div>
            </section>
          ))}
          {shown && (
            <>
              <p className="small quiet">
                <a href={shown.url}>
                  {shown.file.id === null
                    ? `${shown.title}, version ${shown.version}`
                    : shown.file.name}
                </a>
                , until {dateTime(shown.expires_at)}
              </p>
              {shown.attribution && <p>Attribution: {shown.attribution}</p>}
              <details>
                <summary>The content as JSON</summary>
                <Source label="Content" text={shown.content} />
              </details>
            </>
          )}
        </div>
      )}
    </Loaded>
  );
}

function Refund({ it }: { it: Purchase }) {
  const api = useApi();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState('');
  const refund = useMutation({
    mutationFn: () =>
      api.post(`/api/v1/marketplace/purchases/${it.id}/refund`, {
        ...(reason.trim() === '' ? {} : { reason }),
      }),
    onSuccess: now => {
      setOpen(false);
      announce(
        now.refund_request?.status === 'pending'
          ? 'A person looks at your request; this page shows the decision.'
          : 'The refund is on its way.',
      );
      void queries.invalidateQueries({ queryKey: ['purchases'] });
    },
    onError: error => announceProblem(error, 'Refund'),
  });
  return (
    <>
      <Button size="xs" variant="subtle" color="gray" onClick={() => setOpen(true)}>
        Refund
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title={`Refund “${it.title}”`}>
        <form
          className="stack"
          onSubmit={event => {
            event.preventDefault();
            refund.mutate();
          }}
        >
          <p>
            {it.refundable_until
              ? `Until ${dateTime(it.refundable_until)} all of it is refunded at once.`
              : 'A person looks at it, because it was used or the time is over.'}{' '}
            You can no longer use it afterwards.
          </p>
          <Textarea
            label="Reason, for the creator"
            maxLength={500}
            value={reason}
            onChange={event => setReason(event.currentTarget.value)}
          />
          <Button type="submit" loading={refund.isPending}>
            Ask for {price(it.paid ?? it.price)} back
          </Button>
        </form>
      </Modal>
    </>
  );
}
