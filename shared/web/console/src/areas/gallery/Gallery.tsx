import { Button, Modal, SegmentedControl, Skeleton } from '@mantine/core';
import type { Generation } from '@prolight/client';
import { IconStar, IconStarFilled } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useApi, useSignedIn } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { Days } from '../../ui/Days.tsx';
import { dateTime, When, Words, words } from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { StructuredPrompt } from '../../ui/StructuredPrompt.tsx';
import {
  called,
  changeShown,
  download,
  GENERATIONS,
  isFinal,
  useFollow,
  useGeneration,
} from '../studio/generations.ts';
import { Follow, Picture, StatusBadge } from '../studio/Picture.tsx';
import classes from './Gallery.module.css';

const STATES = ['all', 'favourites', 'succeeded', 'failed', 'cancelled'];

/** Every picture of the member. */
export function Gallery() {
  return (
    <SignedIn title="Your pictures">
      <Pictures />
    </SignedIn>
  );
}

function Pictures() {
  const api = useApi();
  const search = useSearch({ from: '/gallery' });
  const { status, open, from, to } = search;
  const navigate = useNavigate();
  const only = status === 'favourites' ? { favourite: true, from, to } : { status, from, to };
  const list = usePages(
    [...GENERATIONS, 'gallery', only],
    (cursor, signal) => api.get('/api/v1/generations', { ...only, limit: 24, cursor }, signal),
    { enabled: useSignedIn() },
  );
  useFollow(list.items.filter(it => !isFinal(it)).map(it => it.id));
  const set = (change: Partial<typeof search>) =>
    navigate({ to: '/gallery', search: { ...search, ...change } });
  const show = (id?: string) => set({ open: id });
  return (
    <div className="page">
      <div className="page-head">
        <h1>Gallery</h1>
        <div className="row">
          <div className="tab-scroll">
            <SegmentedControl
              size="xs"
              aria-label="State"
              data={STATES.map(value => ({ value, label: Words(value) }))}
              value={status ?? 'all'}
              onChange={value => set({ status: value === 'all' ? undefined : value })}
            />
          </div>
          <Days from={from} to={to} onChange={set} />
        </div>
      </div>
      <List
        query={list}
        skeleton={
          <div className={classes.grid}>
            {Array.from({ length: 8 }, (_, nth) => (
              <Skeleton key={nth} className={classes.tile} />
            ))}
          </div>
        }
        empty={
          status === undefined && from === undefined && to === undefined ? (
            <>
              No picture yet. <Link to="/studio">Light a set in the studio</Link>.
            </>
          ) : (
            'No picture matches.'
          )
        }
      >
        <ul className={classes.grid}>
          {list.items.map(it => (
            <li key={it.id}>
              <button type="button" className={classes.tile} onClick={() => show(it.id)}>
                {it.image ? (
                  <img src={it.image.thumbnail_url} alt="" loading="lazy" />
                ) : (
                  <StatusBadge status={it.status} />
                )}
                <span className={classes.caption}>
                  <span>
                    {it.favourite && <span aria-hidden="true">★ </span>}
                    {it.favourite && <span className="visually-hidden">Favourite, </span>}
                    {called(it)}
                  </span>
                  <span>
                    <When at={it.created_at} />
                  </span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      </List>
      <Modal
        opened={open !== undefined}
        onClose={() => show()}
        title="Picture"
        size="min(72rem, 100%)"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {open !== undefined && <Details id={open} onDeleted={() => show()} />}
      </Modal>
    </div>
  );
}

/** The mark of a favourite, and the end of a picture. */
function Keep({ it, onDeleted }: { it: Generation; onDeleted: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const path = `/api/v1/generations/${it.id}` as const;
  const mark = useMutation({
    mutationFn: (favourite: boolean) => api.patch(path, { favourite }),
    onSuccess: ({ favourite }) => changeShown(queries, it.id, old => ({ ...old, favourite })),
    onError: error => announceProblem(error, 'Mark the picture'),
  });
  const remove = useMutation({
    mutationFn: () => api.delete(path),
    onSuccess: () => {
      announce('The picture is deleted.');
      onDeleted();
      changeShown(queries, it.id, () => undefined);
    },
    onError: error => announceProblem(error, 'Delete the picture'),
  });
  return (
    <>
      {it.image && (
        <Button
          size="xs"
          variant="default"
          aria-pressed={it.favourite}
          loading={mark.isPending}
          leftSection={it.favourite ? <IconStarFilled size={14} /> : <IconStar size={14} />}
          onClick={() => mark.mutate(!it.favourite)}
        >
          Favourite
        </Button>
      )}
      {isFinal(it) && (
        <Confirm
          action="Delete"
          title="Delete the picture"
          danger
          busy={remove.isPending}
          onConfirm={(_, close) => remove.mutate(undefined, { onSuccess: close })}
        >
          It is deleted with its input, for good. What it cost is not returned.
        </Confirm>
      )}
    </>
  );
}

function Details({ id, onDeleted }: { id: string; onDeleted: () => void }) {
  const query = useGeneration(id);
  return (
    <Loaded query={query}>
      {it => (
        <div className={classes.details}>
          <figure className={classes.figure}>
            <Picture it={it} />
          </figure>
          <div className="stack">
            <Follow it={it} />
            {it.input?.prompt && <p>{it.input.prompt}</p>}
            <dl className="facts">
              <dt>Made</dt>
              <dd>{dateTime(it.created_at)}</dd>
              <dt>Seed</dt>
              <dd>{it.seed}</dd>
              <dt>Quality</dt>
              <dd>
                {it.quality}, {it.aspect_ratio}
                {it.image ? `, ${it.image.width} × ${it.image.height}` : ''}
              </dd>
              <dt>Charge</dt>
              <dd>
                {it.charge.credits} credit, {it.charge.status}
              </dd>
              {it.input?.lighting && (
                <>
                  <dt>Rig</dt>
                  <dd>
                    {it.input.lighting.lights.map(light => light.role).join(', ')} on{' '}
                    {words(it.input.lighting.backdrop.colour)}
                  </dd>
                </>
              )}
              {it.input?.camera && (
                <>
                  <dt>Camera</dt>
                  <dd>
                    {it.input.camera.focal_length_mm} mm, f/{it.input.camera.aperture}
                  </dd>
                </>
              )}
              {it.listing && (
                <>
                  <dt>Listing</dt>
                  <dd>
                    <Link to="/market/listings/$id" params={{ id: it.listing.id }}>
                      Version {it.listing.version}
                    </Link>
                    {it.listing.attribution ? `. Attribution: ${it.listing.attribution}` : ''}
                  </dd>
                </>
              )}
              {it.image && (
                <>
                  <dt>SHA-256</dt>
                  <dd className="small">{it.image.sha256}</dd>
                </>
              )}
            </dl>
            <div className="row">
              {it.image && (
                <Button size="xs" onClick={() => download(it)}>
                  Download
                </Button>
              )}
              <Button
                size="xs"
                variant="default"
                renderRoot={props => <Link to="/studio" search={{ from: it.id }} {...props} />}
              >
                Use again, change one thing
              </Button>
              <Keep it={it} onDeleted={onDeleted} />
            </div>
            {it.input?.structured_prompt && <StructuredPrompt value={it.input.structured_prompt} />}
          </div>
        </div>
      )}
    </Loaded>
  );
}
