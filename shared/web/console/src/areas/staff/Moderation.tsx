import { Alert, Modal } from '@mantine/core';
import type { PendingListing } from '@prolight/client';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { bytes, date, price, TYPE_NAMES, When, words } from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
import { place } from '../../ui/problem.tsx';
import { Source } from '../../ui/Source.tsx';
import { Preview } from '../studio/Preview.tsx';
import { CAMERA } from '../studio/rig.ts';
import { Reported } from './Reported.tsx';
import { SellerLine } from './Seller.tsx';
import classes from './Staff.module.css';
import { useDecide } from './useDecide.ts';

/** Versions that wait for a decision, and what members reported. */
export function Moderation() {
  const api = useApi();
  const pending = usePages(['staff', 'pending'], (cursor, signal) =>
    api.get('/api/v1/admin/marketplace/pending', { limit: 10, cursor }, signal),
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
      <Reported />
    </>
  );
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
      {it.changes && <p className={classes.text}>New in it: “{it.changes}”</p>}
      {it.model && <ModelLine it={it.model} />}
      <p className="small quiet">
        {[words(it.category), ...it.tags].join(', ')}
        {it.attribution && `; attribution “${it.attribution}”`}
      </p>
      {it.lint.length > 0 && (
        <Alert color="tungsten" variant="light" title="Look closer">
          <ul>
            {it.lint.map(finding => (
              <li key={`${finding.pointer} ${finding.code}`}>
                <b>{place(finding.pointer)}:</b> {finding.detail}
              </li>
            ))}
          </ul>
        </Alert>
      )}
      {it.similar.length > 0 && (
        <p>
          Similar, on sale:{' '}
          {it.similar.map(one => (
            <Alike key={one.listing_id} it={one} onOpen={() => setSimilar(one.listing_id)} />
          ))}
        </p>
      )}
      <SellerLine it={it.creator} />
      <Sold it={it} />
      <div className="row">
        <Confirm
          action="Approve"
          title={`Approve “${it.title}”`}
          busy={decide.isPending}
          onConfirm={(_, close) =>
            decide.mutate({
              what: 'Approve',
              send: ask => api.post(`${path}/approve`, { content_hash: it.content_hash }, ask),
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
              what: 'Reject',
              send: ask =>
                api.post(`${path}/reject`, { content_hash: it.content_hash, reason }, ask),
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

/** What buyers get; the picture is drawn when it is looked at. */
function Sold({ it }: { it: PendingListing }) {
  const [open, setOpen] = useState(false);
  const { lighting, camera } = it.content;
  return (
    <details onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>What it sells</summary>
      <div className="stack">
        {open && lighting && (
          <div className={classes.look}>
            <Preview rig={lighting} camera={camera ?? CAMERA} />
          </div>
        )}
        <Source label="Content" text={it.content} />
        {it.assets.map(file => (
          <p key={file.sha256}>
            <a href={file.url}>{file.file_name}</a> ({bytes(file.bytes)}),{' '}
            <span className="small quiet">{file.sha256}</span>
          </p>
        ))}
      </div>
    </details>
  );
}

function useListing(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: ['listing', id],
    queryFn: ({ signal }) => api.get(`/api/v1/marketplace/listings/${id}`, undefined, signal),
  });
}

/** A listing that a version resembles, and how much. */
function Alike({ it, onOpen }: { it: PendingListing['similar'][number]; onOpen: () => void }) {
  const { data } = useListing(it.listing_id);
  return (
    <button type="button" className={classes.like} onClick={onOpen}>
      {data ? `“${data.title}”` : it.listing_id}, {it.score} of 100
    </button>
  );
}

/** A version beside the listing that it resembles. */
function Beside({ it, other }: { it: PendingListing; other: string }) {
  const query = useListing(other);
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

const OWNERSHIP: Record<NonNullable<PendingListing['model']>['ownership'], string> = {
  unclaimed: 'belongs to nobody yet: an approval gives it to this creator',
  owned: 'belongs to this creator',
  taken: 'belongs to another creator: it cannot be approved',
};

/** The tailored model that is sold, to be compared with the provider's console. */
function ModelLine({ it }: { it: NonNullable<PendingListing['model']> }) {
  return (
    <p className={it.ownership === 'taken' ? 'down' : undefined}>
      Its model {OWNERSHIP[it.ownership]}. SHA-256 of its id:{' '}
      <span className={classes.hash}>{it.fingerprint}</span>
    </p>
  );
}
