import { Alert } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useMe, useRefreshMe } from '../../context.tsx';
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
      {paid !== undefined && <Paid ok={paid !== 'no'} />}
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

/** Back from Stripe's page. Its message may arrive a moment after the person does. */
function Paid({ ok }: { ok: boolean }) {
  const refresh = useRefreshMe();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a few looks after coming back.
  useEffect(() => {
    if (!ok) return;
    refresh();
    const timers = [1_500, 4_000, 9_000].map(ms => setTimeout(refresh, ms));
    return () => timers.forEach(clearTimeout);
  }, [ok]);
  return (
    <Alert color={ok ? 'green' : 'gray'} mb="md" role="status">
      {ok
        ? 'Thank you. Stripe confirms the payment within moments, and what you bought appears here.'
        : 'Nothing was bought. The payment page can be opened again for a while.'}
    </Alert>
  );
}
