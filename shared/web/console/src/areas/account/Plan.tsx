import { Alert, Button, NumberInput, Select, Switch } from '@mantine/core';
import { isProblem, newKey, type Plans, type Subscription } from '@prolight/client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useApi, useMe, useRefreshMe } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { count, date, money, Words } from '../../ui/format.tsx';
import { Loaded } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import classes from './Account.module.css';

/** The plan and what else can be bought. */
export function Plan() {
  const api = useApi();
  const plans = useQuery({
    queryKey: ['plans'],
    queryFn: ({ signal }) => api.get('/api/v1/billing/plans', undefined, signal),
    staleTime: 600_000,
  });
  const subscription = useQuery({
    queryKey: ['billing', 'subscription'],
    queryFn: ({ signal }) => api.get('/api/v1/billing/subscription', undefined, signal),
  });
  return (
    <>
      <Loaded query={subscription}>{it => <Current it={it} />}</Loaded>
      <Loaded query={plans}>
        {offers => (
          <>
            <section className="stack" aria-labelledby="plans">
              <h2 id="plans">Plans</h2>
              <div className="columns">
                {offers.items.map(offer => (
                  <article key={offer.plan} className={classes.offer}>
                    <h3>{offer.name}</h3>
                    <p className={classes.price}>
                      {money(offer.monthly_price)}
                      <span> a month</span>
                    </p>
                    <p className="quiet">
                      {offer.monthly_credits === null
                        ? 'Unlimited within fair use'
                        : `${count(offer.monthly_credits)} credits a month`}
                      , {offer.open_generations_max} at once
                    </p>
                    <Choose
                      plan={offer.plan}
                      current={subscription.data}
                      free={offer.monthly_price.amount === 0}
                    />
                  </article>
                ))}
              </div>
            </section>
            <section className="stack" aria-labelledby="packs">
              <h2 id="packs">Packs</h2>
              <p className="quiet">Credits beyond the plan’s. They do not expire.</p>
              <div className="columns">
                {offers.packs.map(pack => (
                  <article key={pack.pack} className={classes.offer}>
                    <h3>{pack.name}</h3>
                    <p className={classes.price}>{money(pack.price)}</p>
                    <Checkout body={{ pack: pack.pack }} label="Buy" />
                  </article>
                ))}
              </div>
            </section>
            {subscription.data && <TopUps offers={offers} it={subscription.data} />}
          </>
        )}
      </Loaded>
    </>
  );
}

function Current({ it }: { it: Subscription }) {
  const api = useApi();
  const queries = useQueryClient();
  const portal = useMutation({
    mutationFn: () => api.post('/api/v1/billing/portal'),
    onSuccess: made => location.assign(made.portal_url),
    onError: error => announceProblem(error, 'Open the portal'),
  });
  const renewal = useMutation({
    mutationFn: (cancel: boolean) =>
      api.post('/api/v1/billing/subscription/cancel', {
        cancel_at_period_end: cancel,
      }),
    onSuccess: (now, cancel) => {
      queries.setQueryData(['billing', 'subscription'], now);
      announce(cancel ? 'It ends with the paid period.' : 'It renews again.');
    },
    onError: error => announceProblem(error, 'Change the renewal'),
  });
  const live = it.subscription && !it.subscription.ended_at ? it.subscription : null;
  return (
    <section className="panel stack" aria-labelledby="now">
      <div className="row between">
        <h2 id="now">{Words(it.plan)} plan</h2>
        {live && (
          <Button
            size="xs"
            variant="default"
            loading={portal.isPending}
            onClick={() => portal.mutate()}
          >
            Cards, addresses, plan
          </Button>
        )}
      </div>
      {live ? (
        <>
          <p>
            {live.renews_at
              ? `Renews on ${date(live.renews_at)}.`
              : `Ends on ${date(live.current_period.ends_at)}.`}
            {live.scheduled_change &&
              ` ${Words(live.scheduled_change.plan)} from ${date(live.scheduled_change.at)}.`}
            {live.status !== 'active' && ` Its state is ${live.status.replaceAll('_', ' ')}.`}
          </p>
          {live.payment_due && (
            <Alert color="red" title="The last payment failed">
              Stripe tries again.{' '}
              {live.pay_url ? (
                <a href={live.pay_url}>Pay with another card</a>
              ) : (
                'Pay with another card in the portal'
              )}{' '}
              to keep the plan.
            </Alert>
          )}
          <div>
            {live.cancel_at_period_end ? (
              <Button
                size="xs"
                variant="default"
                loading={renewal.isPending}
                onClick={() => renewal.mutate(false)}
              >
                Renew it after all
              </Button>
            ) : (
              <Confirm
                action="End the subscription"
                title="End the subscription"
                busy={renewal.isPending}
                onConfirm={(_, close) => renewal.mutate(true, { onSuccess: close })}
              >
                The plan stays until {date(live.current_period.ends_at)}; nothing is refunded. You
                can undo it until then.
              </Confirm>
            )}
          </div>
        </>
      ) : (
        <p className="quiet">
          {it.plan_ends_at ? `Until ${date(it.plan_ends_at)}.` : 'No subscription.'}
        </p>
      )}
      {it.checkout && (
        <p>
          <a href={it.checkout.checkout_url}>The payment of {Words(it.checkout.plan)}</a> you began
          is still open.
        </p>
      )}
    </section>
  );
}

function Choose({
  plan,
  current,
  free,
}: {
  plan: string;
  current: Subscription | undefined;
  free: boolean;
}) {
  if (current?.plan === plan) return <p className="quiet">Your plan now</p>;
  if (free) return null;
  if (current?.subscription && !current.subscription.ended_at) {
    return <p className="quiet small">Change it in the portal above.</p>;
  }
  return <Checkout body={{ plan }} label="Subscribe" />;
}

function Checkout({ body, label }: { body: Record<string, string>; label: string }) {
  const api = useApi();
  const key = useRef(newKey());
  const checkout = useMutation({
    mutationFn: () =>
      api.post('/api/v1/billing/checkout', body, {
        idempotencyKey: key.current,
      }),
    onSuccess: made => location.assign(made.checkout_url),
    onError: error => {
      key.current = newKey();
      announceProblem(error, label);
    },
  });
  return (
    <div>
      <Button size="xs" loading={checkout.isPending} onClick={() => checkout.mutate()}>
        {label}
      </Button>
    </div>
  );
}

/** Buying a pack when the balance falls low. */
function TopUps({ offers, it }: { offers: Plans; it: Subscription }) {
  const api = useApi();
  const queries = useQueryClient();
  const refresh = useRefreshMe();
  const { data: me } = useMe();
  // What is not entered here is as it is stored, also when another tab changes it.
  const [entered, setEntered] = useState<Partial<NonNullable<Subscription['top_up']>>>({});
  const { pack, below, monthly_max } = {
    pack: offers.packs[0]?.pack,
    below: 10,
    monthly_max: 2,
    ...it.top_up,
    ...entered,
  };
  const save = useMutation({
    mutationFn: (enabled: boolean) =>
      api.put(
        '/api/v1/billing/top-up',
        enabled ? { enabled, pack, below, monthly_max } : { enabled },
      ),
    onSuccess: (_, enabled) => {
      announce(enabled ? 'Packs are bought when your balance is low.' : 'Top-ups are off.');
      void queries.invalidateQueries({ queryKey: ['billing', 'subscription'] });
      refresh();
    },
    onError: error => {
      const page = isProblem(error, 'no_saved_card') ? error.body.add_card_url : undefined;
      if (typeof page === 'string') location.assign(page);
      else announceProblem(error, 'Top-up');
    },
  });
  const on = it.top_up !== null;
  return (
    <section className="panel stack" aria-labelledby="top-up">
      <div className="row between">
        <h2 id="top-up">Automatic top-up</h2>
        <Switch
          aria-label="Automatic top-up"
          checked={on}
          disabled={save.isPending || me === undefined}
          onChange={event => save.mutate(event.currentTarget.checked)}
        />
      </div>
      <div className="columns">
        <Select
          label="Pack"
          allowDeselect={false}
          data={offers.packs.map(one => ({
            value: one.pack,
            label: `${one.name}, ${money(one.price)}`,
          }))}
          value={pack}
          onChange={value =>
            setEntered({ ...entered, pack: offers.packs.find(one => one.pack === value)?.pack })
          }
        />
        <NumberInput
          label="When fewer credits are left than"
          min={1}
          value={below}
          onChange={value => setEntered({ ...entered, below: Number(value) })}
        />
        <NumberInput
          label="At most, packs a month"
          min={1}
          value={monthly_max}
          onChange={value => setEntered({ ...entered, monthly_max: Number(value) })}
        />
      </div>
      <div className="row">
        {on && (
          <Button
            size="xs"
            variant="default"
            loading={save.isPending}
            onClick={() => save.mutate(true)}
          >
            Save
          </Button>
        )}
        <span className="quiet small">
          {on
            ? `${it.top_up?.bought_this_month ?? 0} bought this month.`
            : 'It needs a saved card: without one, Stripe’s page to add it opens.'}
        </span>
      </div>
    </section>
  );
}
