import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMe } from '../../context.tsx';
import { Lines } from '../../ui/lists.tsx';
import { type Section, Sections } from '../../ui/Sections.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { Appeals } from './Appeals.tsx';
import { Audit } from './Audit.tsx';
import { Generations } from './Generations.tsx';
import { Listings } from './Listings.tsx';
import { Moderation } from './Moderation.tsx';
import { Payouts } from './Payouts.tsx';
import { People } from './People.tsx';
import { Refunds } from './Refunds.tsx';
import { Revenue } from './Revenue.tsx';
import { Sales } from './Sales.tsx';

/** What staff see and decide. Who may not is shown nothing, and the API refuses all the same. */
export function Staff() {
  return (
    <SignedIn title="Staff">
      <Parts />
    </SignedIn>
  );
}

function Parts() {
  const { tab } = useSearch({ from: '/staff' });
  const navigate = useNavigate();
  const { data: me, isPending } = useMe();
  if (isPending) {
    return (
      <div className="page" role="status" aria-label="Loading">
        <Lines />
      </div>
    );
  }
  if (!me?.role) {
    return (
      <div className="center-page">
        <h1>This is for staff</h1>
        <p className="quiet">Your account has no staff role.</p>
      </div>
    );
  }
  const moderator: Section[] = [
    { value: 'moderation', name: 'Moderation', content: () => <Moderation /> },
    { value: 'appeals', name: 'Appeals', content: () => <Appeals /> },
    { value: 'listings', name: 'Listings', content: () => <Listings /> },
  ];
  const admin: Section[] = [
    { value: 'revenue', name: 'Revenue', content: () => <Revenue /> },
    { value: 'generations', name: 'Generations', content: () => <Generations /> },
    { value: 'people', name: 'People', content: () => <People /> },
    ...moderator,
    { value: 'sales', name: 'Sales', content: () => <Sales /> },
    { value: 'refunds', name: 'Refunds', content: () => <Refunds /> },
    { value: 'payouts', name: 'Payouts', content: () => <Payouts /> },
    { value: 'audit', name: 'Audit', content: () => <Audit /> },
  ];
  return (
    <div className="page">
      <div className="page-head">
        <h1>Staff</h1>
        <span className="quiet">{me.role}</span>
      </div>
      <Sections
        label="Staff"
        open={tab}
        onOpen={value => navigate({ to: '/staff', search: { tab: value } })}
        sections={me.role === 'admin' ? admin : moderator}
      />
    </div>
  );
}
