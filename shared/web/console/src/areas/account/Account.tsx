import { Alert } from '@mantine/core';
import type { CheckoutState } from '@prolight/client';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect } from 'react';
import { suspension, useApi, useMe, useRefreshMe } from '../../context.tsx';
import { dateTime } from '../../ui/format.tsx';
import { Sections } from '../../ui/Sections.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { AppealOf, Appeals } from './Appeals.tsx';
import { Credits } from './Credits.tsx';
import { Invoices } from './Invoices.tsx';
import { Keys } from './Keys.tsx';
import { Plan } from './Plan.tsx';
import { Profile } from './Profile.tsx';
import { Shares } from './Shares.tsx';
import { Webhooks } from './Webhooks.tsx';

/** Plan, credits, invoices, what programs may do, and the member. */
export function Account() {
  return (
    <SignedIn title="Your account">
      <Parts />
    </SignedIn>
  );
}

function Parts() {
  const { tab, paid } = useSearch({ from: '/account' });
  const navigate = useNavigate();
  const { data: me } = useMe();
  const suspended = suspension(me);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Account</h1>
        {me && <span className="quiet">{me.email}</span>}
      </div>
      {suspended && <Suspended {...suspended} />}
      {paid !== undefined && <Paid checkout={paid} />}
      <Sections
        label="Account"
        open={tab}
        onOpen={value => navigate({ to: '/account', search: { tab: value } })}
        sections={[
          { value: 'plan', name: 'Plan', content: () => <Plan /> },
          { value: 'credits', name: 'Credits', content: () => <Credits /> },
          { value: 'invoices', name: 'Invoices', content: () => <Invoices /> },
          { value: 'keys', name: 'API keys', content: () => <Keys /> },
          { value: 'webhooks', name: 'Webhooks', content: () => <Webhooks /> },
          { value: 'links', name: 'Links and rewards', content: () => <Shares /> },
          { value: 'appeals', name: 'Appeals', content: () => <Appeals /> },
          { value: 'profile', name: 'Profile and data', content: () => <Profile /> },
        ]}
      />
    </div>
  );
}

/** What a suspended member can still do, and their way to object. */
function Suspended({ reason, until }: { reason: string; until?: string | null }) {
  return (
    <Alert color="red" variant="light" title="Your account is suspended" mb="md">
      <div className="stack">
        <p>“{reason}”</p>
        <p>
          {until ? `The suspension ends ${dateTime(until)}. ` : 'The suspension has no end. '}
          Until then you can see and download what is yours, and appeal; you cannot generate, buy,
          sell or change anything.
        </p>
        <AppealOf reason={reason} />
      </div>
    </Alert>
  );
}

type Status = CheckoutState['status'];
const SAID: Record<Status, string> = {
  open: 'Thank you. Stripe confirms the payment within moments, and what you bought appears here.',
  paid: 'Thank you. The payment has arrived; what you bought appears here within moments.',
  processing: 'Thank you. The bank has not confirmed the payment yet, which may take days.',
  granted: 'Thank you. What you bought is yours.',
  expired: 'Nothing was bought: the payment page has closed.',
  failed: 'Nothing was bought: the payment failed.',
};
/** How often a checkout is looked at again, in milliseconds, by its state. */
const FOLLOWED: Partial<Record<Status, number>> = { open: 2_000, paid: 2_000, processing: 30_000 };

/** Back from Stripe's page, whose message may arrive a moment after the person does. */
function Paid({ checkout }: { checkout: string }) {
  const api = useApi();
  const refresh = useRefreshMe();
  const { data } = useQuery({
    queryKey: ['checkout', checkout],
    queryFn: ({ signal }) => api.get(`/api/v1/billing/checkouts/${checkout}`, undefined, signal),
    enabled: checkout !== 'no' && checkout !== 'yes',
    refetchInterval: ({ state }) => (state.data && FOLLOWED[state.data.status]) ?? false,
  });
  const status = data?.status ?? 'open';
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each state.
  useEffect(refresh, [status]);
  if (checkout === 'no') {
    return (
      <Alert color="gray" mb="md" role="status">
        Nothing was bought. The payment page can be opened again for a while.
      </Alert>
    );
  }
  const lost = status === 'expired' || status === 'failed';
  return (
    <Alert color={lost ? 'gray' : 'green'} mb="md" role="status">
      {SAID[status]}
    </Alert>
  );
}
