import { Alert } from '@mantine/core';
import type { CheckoutState } from '@prolight/client';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useApi, useMe, useRefreshMe } from '../../context.tsx';
import { Sections } from '../../ui/Sections.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { Credits } from './Credits.tsx';
import { Invoices } from './Invoices.tsx';
import { Plan } from './Plan.tsx';
import { Profile } from './Profile.tsx';

/** Plan, credits, invoices and the member. */
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
  return (
    <div className="page">
      <div className="page-head">
        <h1>Account</h1>
        {me && <span className="quiet">{me.email}</span>}
      </div>
      {me?.standing.state === 'suspended' && (
        <Alert color="red" title="Your account is suspended" mb="md">
          {me.standing.reason}
        </Alert>
      )}
      {paid !== undefined && <Paid checkout={paid} />}
      <Sections
        label="Account"
        open={tab}
        onOpen={value => navigate({ to: '/account', search: { tab: value } })}
        sections={[
          { value: 'plan', name: 'Plan', content: () => <Plan /> },
          { value: 'credits', name: 'Credits', content: () => <Credits /> },
          { value: 'invoices', name: 'Invoices', content: () => <Invoices /> },
          { value: 'profile', name: 'Profile and data', content: () => <Profile /> },
        ]}
      />
    </div>
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
