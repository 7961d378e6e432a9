import { Badge, Button, Modal, Textarea } from '@mantine/core';
import type { Download, Purchase } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi, useSignedIn } from '../../context.tsx';
import { bytes, dateTime, price, TYPE_NAMES, When, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { statusOf } from '../../ui/status.ts';

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
      refetchInterval: fresh === undefined ? false : 2_000,
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

const COLOURS: Record<string, string> = { paid: 'green', refunded: 'gray', failed: 'red' };

function Row({ it, fresh }: { it: Purchase; fresh: boolean }) {
  const state = statusOf(it);
  const waiting = fresh && (state === 'pending' || state === 'processing');
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
        <Badge variant="light" color={COLOURS[state] ?? 'tungsten'}>
          {Words(state)}
        </Badge>
        <span className="quiet">
          {TYPE_NAMES[it.type]}, version {it.version}, <When at={it.created_at} />
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
      {fresh && state === 'paid' && <p role="status">It is yours. Thank you.</p>}
      <div className="row">
        {it.entitlement === 'active' && <Use it={it} />}
        {it.checkout_url && (
          <Button size="xs" component="a" href={it.checkout_url}>
            Pay
          </Button>
        )}
        {state === 'paid' && it.price.amount > 0 && <Refund it={it} />}
      </div>
    </article>
  );
}

function Use({ it }: { it: Purchase }) {
  const api = useApi();
  const [shown, setShown] = useState<Download>();
  const download = useMutation({
    mutationFn: () => api.post(`/api/v1/marketplace/purchases/${it.id}/downloads`),
    onSuccess: setShown,
    onError: error => announceProblem(error, 'Download'),
  });
  return (
    <>
      <Button
        size="xs"
        renderRoot={props => <Link to="/studio" search={{ listing: it.listing_id }} {...props} />}
      >
        Use it in the studio
      </Button>
      <Button
        size="xs"
        variant="default"
        loading={download.isPending}
        onClick={() => download.mutate()}
      >
        Content and files
      </Button>
      <Modal
        opened={shown !== undefined}
        onClose={() => setShown(undefined)}
        title={it.title}
        size="lg"
      >
        {shown && (
          <div className="stack">
            <p>
              <a href={shown.url}>{shown.file.name}</a> ({bytes(shown.file.bytes)})
            </p>
            {shown.attribution && <p>Attribution: {shown.attribution}</p>}
            <pre className="code">{JSON.stringify(shown.content, null, 2)}</pre>
            <p className="small quiet">The links end {dateTime(shown.expires_at)}.</p>
          </div>
        )}
      </Modal>
    </>
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
    onSuccess: () => {
      setOpen(false);
      announce(
        'The refund is on its way, or waits for a person to look at it: see its state here.',
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
            Unused purchases are refunded at once. Others are looked at by a person. You can no
            longer use it afterwards.
          </p>
          <Textarea
            label="Reason, for the creator"
            maxLength={500}
            value={reason}
            onChange={event => setReason(event.currentTarget.value)}
          />
          <Button type="submit" loading={refund.isPending}>
            Ask for {price(it.price)} back
          </Button>
        </form>
      </Modal>
    </>
  );
}
