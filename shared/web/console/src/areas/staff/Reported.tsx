import { Badge, Select } from '@mantine/core';
import type { FlagDecision, FlaggedListing } from '@prolight/client';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { When, Words, words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { Filter } from './Filter.tsx';
import { Delist, RemoveReview } from './ListingDecisions.tsx';
import { SellerLine } from './Seller.tsx';
import classes from './Staff.module.css';
import { useDecide } from './useDecide.ts';

const SUBJECTS: { value: FlaggedListing['subject']; label: string }[] = [
  { value: 'listing', label: 'Listings' },
  { value: 'image', label: 'Pictures' },
  { value: 'review', label: 'Reviews' },
  { value: 'member', label: 'People' },
];

const NAMES: Record<FlaggedListing['subject'], string> = {
  listing: 'Listing',
  image: 'Picture',
  review: 'Review',
  member: 'Person',
};

interface Choice {
  value: FlagDecision;
  label: string;
}
const DISMISS: Choice = { value: 'dismiss', label: 'Dismiss the reports' };
const ON_LISTINGS: Choice[] = [
  DISMISS,
  { value: 'delist', label: 'Take it off sale' },
  { value: 'strike', label: 'Take it off sale, with a strike' },
];
const ON_OTHERS: Choice[] = [DISMISS, { value: 'uphold', label: 'The reports are justified' }];

/** What members reported, the longest due first. */
export function Reported() {
  const api = useApi();
  const [subject, setSubject] = useState<string | null>(null);
  const list = usePages(['staff', 'flags', subject], (cursor, signal) =>
    api.get('/api/v1/admin/marketplace/flags', { subject, limit: 10, cursor }, signal),
  );
  return (
    <section className="stack" aria-labelledby="flags">
      <div className="row between">
        <h2 id="flags">Reported</h2>
        <Filter
          label="Reports on"
          any="On anything"
          beside
          values={SUBJECTS}
          value={subject}
          onChange={setSubject}
        />
      </div>
      <List query={list} empty="Nothing is reported.">
        <div className="stack">
          {list.items.map(it => (
            <Flagged key={it.id} it={it} />
          ))}
        </div>
      </List>
    </section>
  );
}

function Flagged({ it }: { it: FlaggedListing }) {
  const who = it.member.display_name ?? it.member.id;
  const title = it.listing?.title ?? (it.review ? `A review by ${who}` : who);
  const pictures = it.image ? [it.image] : (it.listing?.previews ?? []);
  return (
    <article className="panel stack" aria-label={title}>
      <div className="row between">
        <h3>
          {NAMES[it.subject]}: {title}
        </h3>
        <span className="quiet">
          {it.flags === 1 ? '1 report: ' : `${it.flags} reports: `}
          {Object.entries(it.reasons)
            .map(([why, n]) => `${words(why)} ${n}`)
            .join(', ')}
          {it.due_since && (
            <>
              , due <When at={it.due_since} />
            </>
          )}
        </span>
      </div>
      {pictures.length > 0 && (
        <div className={classes.pictures}>
          {pictures.map((picture, nth) => (
            <img key={picture.url_300} src={picture.url_300} alt={`${title}, ${nth + 1}`} />
          ))}
        </div>
      )}
      {it.subject === 'image' && it.image === null && (
        <p className="quiet">The picture was removed from the listing since.</p>
      )}
      {it.listing && <p className={classes.text}>{it.listing.description}</p>}
      {it.review && (
        <p className={classes.text}>
          {it.review.rating} of 5 stars{it.review.comment && `: ${it.review.comment}`}
          {!it.review.shown && <Badge color="gray">No longer shown</Badge>}
        </p>
      )}
      {it.texts.length > 0 && (
        <ul className={classes.reports} aria-label="What was reported">
          {it.texts.map(said => (
            <li key={`${said.created_at} ${said.text}`}>
              {Words(said.reason)}, <When at={said.created_at} />: “{said.text}”
            </li>
          ))}
        </ul>
      )}
      <SellerLine it={it.member} />
      <div className="row">
        <Decide it={it} title={title} />
        {it.subject === 'review' && it.review?.shown && it.listing_id && (
          <RemoveReview listingId={it.listing_id} id={it.review.id} />
        )}
        {it.subject === 'image' && it.listing?.status === 'approved' && it.listing_id && (
          <Delist id={it.listing_id} title={it.listing.title} />
        )}
        {it.listing_id && (
          <Link to="/market/listings/$id" params={{ id: it.listing_id }}>
            Its page
          </Link>
        )}
      </div>
    </article>
  );
}

function Decide({ it, title }: { it: FlaggedListing; title: string }) {
  const api = useApi();
  const decide = useDecide();
  const [decision, setDecision] = useState<FlagDecision>('dismiss');
  const choices = it.subject === 'listing' ? ON_LISTINGS : ON_OTHERS;
  const said = choices.find(one => one.value === decision)?.label ?? decision;
  return (
    <Confirm
      action="Decide"
      title={`Decide on “${title}”`}
      reason="Reason, which a creator reads whose listing is taken off sale"
      busy={decide.isPending}
      onConfirm={(reason, close) =>
        decide.mutate({
          what: 'Decide',
          send: ask =>
            api.post(
              `/api/v1/admin/marketplace/flags/${encodeURIComponent(it.id)}/resolve`,
              { decision, reason, seen: it.version },
              ask,
            ),
          said: `${said}: done, and in the audit.`,
          close,
        })
      }
    >
      <Select
        label="Decision"
        allowDeselect={false}
        data={choices}
        value={decision}
        onChange={value =>
          setDecision(choices.find(one => one.value === value)?.value ?? 'dismiss')
        }
      />
    </Confirm>
  );
}
