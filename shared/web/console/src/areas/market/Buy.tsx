import { Badge, Button, Modal } from '@mantine/core';
import { isProblem, type Listing, newKey, type Share } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { useMe, useServices, useSignedIn } from '../../context.tsx';
import { Copy } from '../../ui/Copy.tsx';
import { price } from '../../ui/format.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { foundBy } from './Card.tsx';
import { useBought } from './useBought.ts';

/** The way to buy a listing, or to use what one has. */
export function Buy({ it }: { it: Listing }) {
  const { session, api } = useServices();
  const signedIn = useSignedIn();
  const { data: me } = useMe();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const key = useRef(newKey());
  const mine = me?.creator_id === it.creator.id;
  const bought = useBought(it.id, signedIn);
  const owned = bought.data?.items.find(one => one.entitlement === 'active');
  const open = bought.data?.items.find(one => one.checkout_url);
  const buy = useMutation({
    mutationFn: () =>
      api.post(
        '/api/v1/marketplace/purchases',
        {
          listing_id: it.id,
          expected_price: it.price,
          found_by: foundBy(it.id),
          referral: sessionStorage.getItem(`prolight.ref.${it.id}`) ?? undefined,
        },
        { idempotencyKey: key.current },
      ),
    onSuccess: made => {
      if (made.checkout_url) {
        location.assign(made.checkout_url);
        return;
      }
      void queries.invalidateQueries({ queryKey: ['purchases'] });
      announce(`“${it.title}” is yours.`);
    },
    onError: error => {
      key.current = newKey();
      if (isProblem(error, 'price_changed')) {
        void queries.invalidateQueries({ queryKey: ['listing', it.id] });
      }
      announceProblem(error, 'Buy');
    },
  });
  if (mine) {
    return (
      <div className="stack">
        <Badge variant="light">Yours</Badge>
        <Button
          variant="default"
          renderRoot={props => <Link to="/sell/listings/$id" params={{ id: it.id }} {...props} />}
        >
          Edit it
        </Button>
      </div>
    );
  }
  if (owned) {
    return (
      <div className="stack">
        <Badge variant="light" color="green">
          Owned, version {owned.latest_version}
        </Badge>
        <Button onClick={() => navigate({ to: '/studio', search: { listing: it.id } })}>
          Use it in the studio
        </Button>
        <Button
          variant="default"
          renderRoot={props => (
            <Link to="/market/purchases" search={{ new: owned.id }} {...props} />
          )}
        >
          Downloads and receipt
        </Button>
      </div>
    );
  }
  if (!signedIn) {
    return (
      <Button onClick={() => session.begin(`/market/listings/${it.id}`)}>
        Sign in to {it.price.amount === 0 ? 'get' : 'buy'} it
      </Button>
    );
  }
  return (
    <div className="stack">
      <Button loading={buy.isPending || bought.isPending} onClick={() => buy.mutate()}>
        {it.price.amount === 0 ? 'Get it for free' : `Buy for ${price(it.price)}`}
      </Button>
      {open?.checkout_url && (
        <p className="small">
          <a href={open.checkout_url}>The payment you began</a> is still open.
        </p>
      )}
      {it.price.amount > 0 && (
        <p className="small quiet">
          You pay on Stripe’s page and come back here. Unused, it can be refunded from your
          purchases.
        </p>
      )}
    </div>
  );
}

/** A link of the member’s own, which is credited with sales. */
export function ShareButton({ it }: { it: Listing }) {
  const { session, api } = useServices();
  const signedIn = useSignedIn();
  const [shared, setShared] = useState<Share>();
  const share = useMutation({
    mutationFn: () => api.post(`/api/v1/marketplace/listings/${it.id}/share`),
    onSuccess: async link => {
      setShared(link);
      await navigator.clipboard?.writeText(link.url).then(
        () => announce('The link is in your clipboard.'),
        () => undefined,
      );
    },
    onError: error => announceProblem(error, 'Share'),
  });
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        loading={share.isPending}
        onClick={() => (signedIn ? share.mutate() : session.begin(`/market/listings/${it.id}`))}
      >
        Share
      </Button>
      <Modal opened={shared !== undefined} onClose={() => setShared(undefined)} title="Your link">
        {shared && (
          <div className="stack">
            <p>
              <a href={shared.url}>{shared.url}</a>
            </p>
            <div className="row">
              <Copy text={shared.url} />
            </div>
            <p className="quiet">
              {shared.clicks} {shared.clicks === 1 ? 'visitor' : 'visitors'} so far, each counted
              once a day.
            </p>
          </div>
        )}
      </Modal>
    </>
  );
}
