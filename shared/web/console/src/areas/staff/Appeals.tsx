import type { AppealOutcome, OpenAppeal } from '@prolight/client';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { date, When } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { Filter } from './Filter.tsx';
import classes from './Staff.module.css';
import { useDecide } from './useDecide.ts';
import { Who } from './Who.tsx';

const KINDS = [
  { value: 'suspension', label: 'Suspensions' },
  { value: 'listing', label: 'Listings' },
];
const ABOUT: Record<OpenAppeal['about'], string> = {
  suspension: 'Suspended',
  rejection: 'Rejected',
  delisting: 'Taken off sale',
};

/** Objections of members that nobody decided on yet, the oldest first. */
export function Appeals() {
  const api = useApi();
  const [kind, setKind] = useState<string | null>(null);
  const list = usePages(['staff', 'appeals', kind], (cursor, signal) =>
    api.get('/api/v1/admin/appeals', { kind, limit: 20, cursor }, signal),
  );
  return (
    <section className="stack" aria-labelledby="appeals">
      <div className="row between">
        <h2 id="appeals">Appeals, the oldest first</h2>
        <Filter
          label="Appeals of"
          any="Of any decision"
          beside
          values={KINDS}
          value={kind}
          onChange={setKind}
        />
      </div>
      <List query={list} empty="No appeal waits for a decision.">
        <div className="stack">
          {list.items.map(it => (
            <Appealed key={it.id} it={it} />
          ))}
        </div>
      </List>
    </section>
  );
}

/** One appeal, and the decision on it. */
export function Appealed({ it }: { it: OpenAppeal }) {
  const title = it.listing?.name ?? it.listing?.id ?? it.member.name ?? it.member.id;
  return (
    <article className="panel stack" aria-label={title}>
      <div className="row between">
        <h3>
          {ABOUT[it.about]}:{' '}
          {it.listing === null ? (
            <Who it={it.member} />
          ) : (
            <Link to="/market/listings/$id" params={{ id: it.listing.id }}>
              {title}
            </Link>
          )}
        </h3>
        <span className="quiet small">
          {it.decided_at && `Decided ${date(it.decided_at)}, `}appealed <When at={it.created_at} />
        </span>
      </div>
      {it.listing && (
        <p className="small">
          By <Who it={it.member} />
        </p>
      )}
      <p className="quiet">Staff wrote: “{it.reason}”</p>
      <p className={classes.text}>The member writes: “{it.text}”</p>
      <div className="row">
        <Resolve it={it} outcome="reversed" title={title} />
        <Resolve it={it} outcome="upheld" title={title} />
      </div>
    </article>
  );
}

function Resolve({
  it,
  outcome,
  title,
}: {
  it: OpenAppeal;
  outcome: AppealOutcome;
  title: string;
}) {
  const api = useApi();
  const decide = useDecide();
  const member = encodeURIComponent(it.member.id);
  const reverses = outcome === 'reversed';
  const action = reverses ? 'Reverse the decision' : 'Uphold the decision';
  return (
    <Confirm
      action={action}
      title={`${action} on “${title}”`}
      reason="Reason, shown to the member"
      busy={decide.isPending}
      onConfirm={(reason, close) =>
        decide.mutate({
          what: action,
          send: () =>
            api.post(`/api/v1/admin/users/${member}/appeals/${it.id}/resolve`, { outcome, reason }),
          said: reverses ? 'The decision is reversed.' : 'The decision stays.',
          close,
        })
      }
    >
      {reverses ? REVERSED[it.about] : 'The decision stays as it is, and cannot be appealed again.'}
    </Confirm>
  );
}

const REVERSED: Record<OpenAppeal['about'], string> = {
  suspension: 'The suspension is lifted.',
  rejection: 'The version is in review again.',
  delisting:
    'The listing is on sale again and its strike is withdrawn. Where its pictures were deleted, or its model is another creator’s by now, it has to be submitted again.',
};
