import { Button, Modal, SegmentedControl, Skeleton } from '@mantine/core';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useApi, useSignedIn } from '../../context.tsx';
import { dateTime, When, words } from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { download, GENERATIONS, isFinal, useFollow, useGeneration } from '../studio/generations.ts';
import { Follow, Picture, StatusBadge } from '../studio/Picture.tsx';
import classes from './Gallery.module.css';

const STATES = ['all', 'succeeded', 'failed', 'cancelled'];

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
  const { status, open } = useSearch({ from: '/gallery' });
  const navigate = useNavigate();
  const list = usePages(
    [...GENERATIONS, 'gallery', status ?? 'all'],
    (cursor, signal) => api.get('/api/v1/generations', { limit: 24, status, cursor }, signal),
    { enabled: useSignedIn() },
  );
  useFollow(list.items.filter(it => !isFinal(it)).map(it => it.id));
  const show = (id?: string) => navigate({ to: '/gallery', search: { status, open: id } });
  return (
    <div className="page">
      <div className="page-head">
        <h1>Gallery</h1>
        <SegmentedControl
          size="xs"
          aria-label="State"
          data={STATES.map(value => ({ value, label: value === 'all' ? 'All' : words(value) }))}
          value={status ?? 'all'}
          onChange={value =>
            navigate({ to: '/gallery', search: { status: value === 'all' ? undefined : value } })
          }
        />
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
          status === undefined ? (
            <>
              No picture yet. <Link to="/studio">Light a set in the studio</Link>.
            </>
          ) : (
            `No generation is ${words(status)}.`
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
                  Seed {it.seed}
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
        {open !== undefined && <Details id={open} />}
      </Modal>
    </div>
  );
}

function Details({ id }: { id: string }) {
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
                {it.charge.credits} credit, {it.charge.state}
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
            </div>
            {it.input?.structured_prompt && (
              <details>
                <summary>The structured prompt that went to the model</summary>
                <pre className={classes.code}>
                  {JSON.stringify(it.input.structured_prompt, null, 2)}
                </pre>
              </details>
            )}
          </div>
        </div>
      )}
    </Loaded>
  );
}
