import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMe } from '../../context.tsx';
import { Lines } from '../../ui/lists.tsx';
import { type Section, Sections } from '../../ui/Sections.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { Audit } from './Audit.tsx';
import { Generations } from './Generations.tsx';
import { Moderation } from './Moderation.tsx';
import { People } from './People.tsx';
import { Refunds } from './Refunds.tsx';
import { Revenue } from './Revenue.tsx';

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
  ];
  const admin: Section[] = [
    { value: 'revenue', name: 'Revenue', content: () => <Revenue /> },
    { value: 'generations', name: 'Generations', content: () => <Generations /> },
    { value: 'people', name: 'People', content: () => <People /> },
    { value: 'refunds', name: 'Refunds', content: () => <Refunds /> },
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
        sections={
          me.role === 'admin' ? [...admin.slice(0, 3), ...moderator, ...admin.slice(3)] : moderator
        }
      />
    </div>
  );
}
