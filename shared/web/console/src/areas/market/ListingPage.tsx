import { Button } from '@mantine/core';
import type { Listing } from '@prolight/client';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useApi, useMe } from '../../context.tsx';
import { bytes, count, date, price, TYPE_NAMES, words } from '../../ui/format.tsx';
import { Loaded } from '../../ui/lists.tsx';
import { Delist } from '../staff/ListingDecisions.tsx';
import { Buy, ShareButton } from './Buy.tsx';
import { Stars } from './Card.tsx';
import { Demo } from './Demo.tsx';
import classes from './Market.module.css';
import { Report, type Reportable } from './Report.tsx';
import { Reviews } from './Reviews.tsx';

/** One listing: what it is, how it looks, what others say, and the way to buy it. */
export function ListingPage() {
  const { id } = useParams({ from: '/market/listings/$id' });
  const { ref } = useSearch({ from: '/market/listings/$id' });
  const api = useApi();
  useEffect(() => {
    // The link that brought the buyer here is credited with the purchase, also after a sign-in.
    if (ref !== undefined) sessionStorage.setItem(`prolight.ref.${id}`, ref);
  }, [id, ref]);
  const query = useQuery({
    queryKey: ['listing', id],
    queryFn: ({ signal }) => api.get(`/api/v1/marketplace/listings/${id}`, undefined, signal),
  });
  return (
    <div className="page stack">
      <p className="small">
        <Link to="/market" search={{}}>
          Market
        </Link>
      </p>
      <Loaded query={query} lines={8}>
        {it => <Shown it={it} />}
      </Loaded>
    </div>
  );
}

function Shown({ it }: { it: Listing }) {
  const { data: me } = useMe();
  const navigate = useNavigate();
  const hasDemo = it.demo?.enabled === true;
  const [tab, setTab] = useState<number | 'demo'>(it.previews.length === 0 && hasDemo ? 'demo' : 0);
  const picture = typeof tab === 'number' ? it.previews[tab] : undefined;
  // One picture alone needs no way to it.
  const views = it.previews.length > 1 || hasDemo ? it.previews : [];
  const pictures = it.previews.map(
    (one, nth): Reportable => ({ about: 'image', label: `Picture ${nth + 1}`, image_id: one.id }),
  );
  const creator: Reportable = {
    about: 'creator',
    label: `Its creator, ${it.creator.display_name ?? 'who has no name'}`,
  };
  return (
    <div className={classes.listing}>
      <div className="stack-lg">
        <div className="stack">
          {tab === 'demo' ? (
            <Demo it={it} />
          ) : (
            <figure className={classes.stage}>
              {picture ? (
                <img
                  src={picture.url_1200}
                  width={picture.width}
                  height={picture.height}
                  alt={`${it.title}, ${tab + 1} of ${it.previews.length}`}
                />
              ) : (
                <span className="quiet">No pictures yet</span>
              )}
            </figure>
          )}
          <div className="row">
            <div className={classes.thumbs}>
              {views.map((one, nth) => (
                <button
                  key={one.url_300}
                  type="button"
                  className={classes.thumb}
                  aria-label={`Picture ${nth + 1}`}
                  aria-pressed={tab === nth}
                  onClick={() => setTab(nth)}
                >
                  <img src={one.url_300} alt="" />
                </button>
              ))}
            </div>
            {hasDemo && (
              <Button
                size="xs"
                variant={tab === 'demo' ? 'filled' : 'default'}
                onClick={() => setTab('demo')}
              >
                Try it live
              </Button>
            )}
          </div>
        </div>
        <section className="stack" aria-label="Description">
          <p className={classes.text}>{it.description}</p>
          <ul className="pills" aria-label="Tags">
            {it.tags.map(tag => (
              <li key={tag}>
                <Link to="/market" search={{ tag }}>
                  {tag}
                </Link>
              </li>
            ))}
          </ul>
          {it.slots.length > 0 && (
            <p>You fill in: {it.slots.map(slot => slot.label).join(', ')}.</p>
          )}
          {it.assets.length > 0 && (
            <p>
              Files: {it.assets.map(file => `${file.file_name} (${bytes(file.bytes)})`).join(', ')}.
            </p>
          )}
          {it.changes && (
            <section aria-labelledby="new">
              <h2 id="new">New in version {it.version}</h2>
              <p className={classes.text}>{it.changes}</p>
            </section>
          )}
          {it.attribution && <p>Pictures made with it carry the line “{it.attribution}”.</p>}
        </section>
        <Reviews it={it} />
      </div>
      <aside className={classes.buy} aria-label="Buy">
        <div>
          <h1>{it.title}</h1>
          <p className="quiet">
            {TYPE_NAMES[it.type]}, {words(it.category)}
          </p>
        </div>
        <p className={classes.priceLine}>{price(it.price)}</p>
        <Buy it={it} />
        <dl className="facts">
          <dt>By</dt>
          <dd>
            <Link to="/market" search={{ creator: it.creator.id }}>
              {it.creator.display_name ?? 'a creator'}
            </Link>
            {it.creator.bio && <div className="small quiet">{it.creator.bio}</div>}
          </dd>
          <dt>Reviews</dt>
          <dd>
            <Stars rating={it.rating} />
          </dd>
          <dt>Sold</dt>
          <dd>{it.sales === 1 ? 'Once' : `${count(it.sales)} times`}</dd>
          <dt>Version</dt>
          <dd>
            {it.version}, {date(it.updated_at)}
          </dd>
        </dl>
        <div className="row">
          <ShareButton it={it} />
          {me?.creator_id !== it.creator.id && (
            <Report
              listingId={it.id}
              title={`Report “${it.title}”`}
              choices={[{ about: 'listing', label: 'The listing' }, ...pictures, creator]}
            />
          )}
        </div>
        {me?.role && (
          <div>
            <Delist
              id={it.id}
              title={it.title}
              onDone={() => navigate({ to: '/market', search: {} })}
            />
          </div>
        )}
      </aside>
    </div>
  );
}
