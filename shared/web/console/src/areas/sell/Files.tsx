import { ActionIcon, Button } from '@mantine/core';
import type { BodyOf, OwnListing } from '@prolight/client';
import { IconChevronLeft, IconChevronRight, IconTrash } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { bytes } from '../../ui/format.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { ChangedElsewhere, saveIfUnchanged } from '../../ui/saveIfUnchanged.ts';
import { isInReview } from './listing.ts';
import classes from './Sell.module.css';

type Change = NonNullable<BodyOf<'patch', `/api/v1/marketplace/listings/${string}`>>;

/** How long a new place of a picture is said. */
const SAID_MS = 8_000;

/** The pictures in the order in which buyers see them, and the files: moved and removed. */
export function Files({ it }: { it: OwnListing }) {
  const api = useApi();
  const queries = useQueryClient();
  const key = ['sell', 'listing', it.id];
  const changes = ['sell', 'files', it.id];
  const change = useMutation({
    mutationKey: changes,
    // One after the other: the last order is the one that stays.
    scope: { id: changes.join(' ') },
    mutationFn: (body: Change) => api.patch(`/api/v1/marketplace/listings/${it.id}`, body),
    onSuccess: now => {
      if (queries.isMutating({ mutationKey: changes }) === 1) queries.setQueryData(key, now);
      void queries.invalidateQueries({ queryKey: ['sell', 'listings'] });
    },
    onError: error => {
      // What was shown in its new order already is read again as it is.
      void queries.invalidateQueries({ queryKey: key });
      announceProblem(error, 'Change the files');
    },
  });
  const [said, setSaid] = useState('');
  const pictures = useRef<HTMLUListElement>(null);
  const moved = useRef<string>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: after each new order.
  useEffect(() => {
    // A picture that moves in the page loses the focus, and one goes on moving it.
    if (moved.current) pictures.current?.querySelector<HTMLElement>(`#${moved.current}`)?.focus();
    moved.current = undefined;
  }, [it.previews]);

  // It is read out once; afterwards another order may be true.
  useEffect(() => {
    if (said === '') return;
    const timer = setTimeout(() => setSaid(''), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);

  function move(from: number, to: number) {
    const previews = [...it.previews];
    const [picture] = previews.splice(from, 1);
    if (!picture) return;
    previews.splice(to, 0, picture);
    const isAtEnd = to === 0 || to === previews.length - 1;
    const direction = to < from !== isAtEnd ? 'earlier' : 'later';
    moved.current = `${direction}-${picture.id}`;
    setSaid(`It is picture ${to + 1} of ${previews.length} now.`);
    queries.setQueryData<OwnListing>(key, { ...it, previews });
    change.mutate({ preview_order: previews.map(one => one.id) });
  }
  const remove = (id: string, close: () => void) =>
    change.mutate({ remove: [id] }, { onSuccess: close });

  return (
    <>
      <ul className={classes.pictures} ref={pictures}>
        {it.previews.map((picture, nth) => {
          const name = `${nth + 1} of ${it.previews.length}`;
          return (
            <li key={picture.id}>
              <img src={picture.url_300} alt={name} />
              <div className={classes.order}>
                <ActionIcon
                  id={`earlier-${picture.id}`}
                  variant="default"
                  aria-label={`Show picture ${name} earlier`}
                  disabled={nth === 0}
                  onClick={() => move(nth, nth - 1)}
                >
                  <IconChevronLeft size={16} stroke={1.6} />
                </ActionIcon>
                <ActionIcon
                  id={`later-${picture.id}`}
                  variant="default"
                  aria-label={`Show picture ${name} later`}
                  disabled={nth === it.previews.length - 1}
                  onClick={() => move(nth, nth + 1)}
                >
                  <IconChevronRight size={16} stroke={1.6} />
                </ActionIcon>
                <ActionIcon
                  variant="default"
                  aria-label={`Remove picture ${name}`}
                  disabled={change.isPending}
                  onClick={() => change.mutate({ remove: [picture.id] })}
                >
                  <IconTrash size={16} stroke={1.6} />
                </ActionIcon>
              </div>
              {picture.drawn && <span className="small quiet">Drawn by us</span>}
            </li>
          );
        })}
      </ul>
      <p className="visually-hidden" role="status">
        {said}
      </p>
      {it.assets.length > 0 && (
        <ul className={classes.files} aria-label="Files for buyers">
          {it.assets.map(file => (
            <li key={file.id} className="row between">
              <details>
                <summary>
                  {file.file_name} <span className="quiet">({bytes(file.bytes)})</span>
                </summary>
                <ul className="small quiet">
                  {file.files.map(one => (
                    <li key={one.path}>
                      {one.path} ({bytes(one.bytes)})
                    </li>
                  ))}
                  <li>SHA-256 {file.sha256}</li>
                </ul>
              </details>
              <Confirm
                action="Remove"
                label={`Remove ${file.file_name}`}
                title={`Remove ${file.file_name}`}
                danger
                busy={change.isPending}
                onConfirm={(_, close) => remove(file.id, close)}
              >
                Buyers of the next version do not get it. Those of earlier ones keep it.
              </Confirm>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Makes a version that is on sale, or in review, one that can be changed. */
export function BeginVersion({
  it,
  onStored,
}: {
  it: OwnListing;
  onStored: (now: OwnListing) => void;
}) {
  const api = useApi();
  const begin = useMutation({
    mutationFn: () =>
      saveIfUnchanged({
        read: () => api.read(`/api/v1/marketplace/creator/listings/${it.id}`),
        // Another version may be in review by now, which nobody wants to withdraw.
        isAsSeen: now => now.version === it.version && isInReview(now) === isInReview(it),
        write: ask => api.patch(`/api/v1/marketplace/listings/${it.id}`, {}, ask),
      }),
    onSuccess: onStored,
    onError: error => {
      if (error instanceof ChangedElsewhere) {
        onStored(error.stored);
        announce('It was changed elsewhere; this page shows it as it is now.');
      } else announceProblem(error, 'Begin the next version');
    },
  });
  return (
    <Button size="xs" variant="default" loading={begin.isPending} onClick={() => begin.mutate()}>
      {it.review.status === 'published' ? 'Begin the next version' : 'Withdraw it from review'}
    </Button>
  );
}
