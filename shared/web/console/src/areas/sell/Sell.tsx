import { Button } from '@mantine/core';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Sections } from '../../ui/Sections.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { Earnings } from './Earnings.tsx';
import { Listings } from './Listings.tsx';
import { Overview } from './Overview.tsx';
import { Payouts } from './Payouts.tsx';

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
