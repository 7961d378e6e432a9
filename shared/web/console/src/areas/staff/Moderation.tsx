import { Alert, Badge, Modal, Select } from '@mantine/core';
import type { FlagDecision, FlaggedListing, PendingListing, Seller } from '@prolight/client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { bytes, date, price, TYPE_NAMES, When, Words, words } from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { FirstLook } from '../studio/FirstLook.tsx';
import classes from './Staff.module.css';

/** Versions that wait for a decision, and listings that members reported. */
export function Moderation() {
  const api = useApi();
  const pending = usePages(['staff', 'pending'], (cursor, signal) =>
    api.get('/api/v1/admin/marketplace/pending', { limit: 10, cursor }, signal),
  );
  const flags = usePages(['staff', 'flags'], (cursor, signal) =>
    api.get('/api/v1/admin/marketplace/flags', { limit: 10, cursor }, signal),
  );
  return (
    <>
      <section className="stack" aria-labelledby="pending">
        <h2 id="pending">Waiting, the longest first</h2>
        <List query={pending} empty="Nothing waits for a decision.">
          <div className="stack">
            {pending.items.map(it => (
              <Pending key={`${it.listing_id} ${it.version}`} it={it} />
            ))}
          </div>
        </List>
      </section>
      <section className="stack" aria-labelledby="flags">
        <h2 id="flags">Reported</h2>
        <List query={flags} empty="Nothing is reported.">
          <div className="stack">
            {flags.items.map(it => (
              <Flagged key={it.id} it={it} />
            ))}
          </div>
        </List>
      </section>
    </>
  );
}

/** A decision, sent; then everything that staff see is read again. */
function useDecide() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (order: {
      send: () => Promise<unknown>;
      said: string;
      close: () => void;
    }) => {
      await order.send();
      return order;
    },
    onSuccess: order => {
      order.close();
      announce(order.said);
      void queries.invalidateQueries({ queryKey: ['staff'] });
    },
    onError: error => announceProblem(error, 'Decide'),
  });
}

function Pending({ it }: { it: PendingListing }) {
  const api = useApi();
  const decide = useDecide();
  const [similar, setSimilar] = useState<string>();
  const path = `/api/v1/admin/marketplace/listings/${it.listing_id}` as const;
  return (
    <article className="panel stack" aria-label={it.title}>
      <div className="row between">
        <h3>{it.title}</h3>
        <span className="quiet">
          {TYPE_NAMES[it.type]}, version {it.version}
          {it.is_first ? ', never on sale before' : ''}, {price(it.price)}, submitted{' '}
          <When at={it.submitted_at} />
        </span>
      </div>
      <div className={classes.pictures}>
        {it.previews.map((picture, nth) => (
          <a key={picture.url_300} href={picture.url_1200} target="_blank" rel="noreferrer">
            <img src={picture.url_300} alt={`${it.title}, ${nth + 1}`} />
          </a>
        ))}
      </div>
      <p className={classes.text}>{it.description}</p>
      <p className="small quiet">
        {words(it.category)}; {it.tags.join(', ')}
        {it.attribution ? `; attribution “${it.attribution}”` : ''}
      </p>
      {it.lint.length > 0 && (
        <Alert color="tungsten" variant="light" title="Look closer">
          <ul>
            {it.lint.map(finding => (
              <li key={`${finding.pointer} ${finding.code}`}>
                <b>{finding.pointer}:</b> {finding.detail}
              </li>
            ))}
          </ul>
        </Alert>
      )}
      {it.similar.length > 0 && (
        <p>
          Similar, on sale:{' '}
          {it.similar.map(one => (
            <button
              key={one.listing_id}
              type="button"
              className={classes.like}
              onClick={() => setSimilar(one.listing_id)}
            >
              {one.score} of 100
            </button>
          ))}
        </p>
      )}
      <SellerLine it={it.creator} />
      <details>
        <summary>What it sells</summary>
        <div className="stack">
          {it.content.lighting && (
            <div className={classes.look}>
              <FirstLook rig={it.content.lighting} />
            </div>
          )}
          <pre className="code">{JSON.stringify(it.content, null, 2)}</pre>
          {it.assets.map(file => (
            <p key={file.sha256}>
              <a href={file.url}>{file.file_name}</a> ({bytes(file.bytes)}),{' '}
              <span className="small quiet">{file.sha256}</span>
            </p>
          ))}
        </div>
      </details>
      <div className="row">
        <Confirm
          action="Approve"
          title={`Approve “${it.title}”`}
          busy={decide.isPending}
          onConfirm={(_, close) =>
            decide.mutate({
              send: () => api.post(`${path}/approve`, { content_hash: it.content_hash }),
              said: `“${it.title}” is on sale.`,
              close,
            })
          }
        >
          It is on sale at once, for {price(it.price)}.
        </Confirm>
        <Confirm
          action="Reject"
          title={`Reject “${it.title}”`}
          danger
          reason="Reason, shown to the creator"
          busy={decide.isPending}
          onConfirm={(reason, close) =>
            decide.mutate({
              send: () => api.post(`${path}/reject`, { content_hash: it.content_hash, reason }),
              said: `“${it.title}” is rejected.`,
              close,
            })
          }
        >
          The creator sees the reason and can submit it again.
        </Confirm>
      </div>
      <Modal
        opened={similar !== undefined}
        onClose={() => setSimilar(undefined)}
        title="Beside each other"
        size="xl"
      >
        {similar !== undefined && <Beside it={it} other={similar} />}
      </Modal>
    </article>
  );
}

/** A version beside the listing that it resembles. */
function Beside({ it, other }: { it: PendingListing; other: string }) {
  const api = useApi();
  const query = useQuery({
    queryKey: ['listing', other],
    queryFn: ({ signal }) => api.get(`/api/v1/marketplace/listings/${other}`, undefined, signal),
  });
  return (
    <div className="columns">
      <div className="stack">
        <h3>{it.title}</h3>
        {it.previews[0] && <img src={it.previews[0].url_600} alt="" />}
        <p className={classes.text}>{it.description}</p>
      </div>
      <Loaded query={query}>
        {found => (
          <div className="stack">
            <h3>{found.title}</h3>
            {found.previews[0] && <img src={found.previews[0].url_600} alt="" />}
            <p className="quiet">
              By {found.creator.display_name ?? 'a creator'}, since {date(found.published_at)}
            </p>
            <p className={classes.text}>{found.description}</p>
          </div>
        )}
      </Loaded>
    </div>
  );
}

function SellerLine({ it }: { it: Seller }) {
  return (
    <p className="small">
      By {it.display_name ?? it.id}, member since {date(it.member_since)}: {it.sales} sales,{' '}
      {it.approved} approved, {it.rejected} rejected, {it.delisted} taken off sale
      {it.live_strikes > 0 && (
        <>
          {', '}
          <Badge size="sm" color="red" variant="light">
            {it.live_strikes} strikes
          </Badge>
        </>
      )}
    </p>
  );
}

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

function Flagged({ it }: { it: FlaggedListing }) {
  const api = useApi();
  const decide = useDecide();
  const [decision, setDecision] = useState<FlagDecision>('dismiss');
  const choices = it.subject === 'listing' ? ON_LISTINGS : ON_OTHERS;
  const who = it.member.display_name ?? it.member.id;
  const title = it.listing?.title ?? (it.review ? `A review by ${who}` : who);
  const pictures = it.image ? [it.image] : (it.listing?.previews ?? []);
  return (
    <article className="panel stack" aria-label={title}>
      <div className="row between">
        <h3>
          {Words(it.subject)}: {title}
        </h3>
        <span className="quiet">
          {it.flags} reports:{' '}
          {Object.entries(it.reasons)
            .map(([why, n]) => `${words(why)} ${n}`)
            .join(', ')}
        </span>
      </div>
      <div className={classes.pictures}>
        {pictures.map((picture, nth) => (
          <img key={picture.url_300} src={picture.url_300} alt={`${title}, ${nth + 1}`} />
        ))}
      </div>
      {it.listing && <p className={classes.text}>{it.listing.description}</p>}
      {it.review && <p className={classes.text}>{it.review.comment}</p>}
      {it.texts.map(said => (
        <p key={`${said.created_at} ${said.text}`}>
          {Words(said.reason)}: “{said.text}”
        </p>
      ))}
      <SellerLine it={it.member} />
      <div>
        <Confirm
          action="Decide"
          title={`Decide on “${title}”`}
          reason="Reason, shown to the creator unless dismissed"
          busy={decide.isPending}
          onConfirm={(reason, close) =>
            decide.mutate({
              send: () =>
                api.post(`/api/v1/admin/marketplace/flags/${encodeURIComponent(it.id)}/resolve`, {
                  decision,
                  reason,
                  seen: it.version,
                }),
              said: `${Words(decision)}: done.`,
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
      </div>
    </article>
  );
}
