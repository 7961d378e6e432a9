import { Badge, Button, Modal, Select, Slider, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import {
  type DemoOverrides,
  type DemoSubject,
  type FlagReason,
  isProblem,
  type Listing,
  newKey,
  type Review,
  type Share,
} from '@prolight/client';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useApi, useMe, useServices, useSignedIn } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { bytes, date, price, TYPE_NAMES, When, words } from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem, ProblemText } from '../../ui/problem.tsx';
import { Stars } from './Card.tsx';
import classes from './Market.module.css';

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
  const hasDemo = it.demo?.enabled === true;
  const [tab, setTab] = useState<number | 'demo'>(it.previews.length === 0 && hasDemo ? 'demo' : 0);
  const picture = typeof tab === 'number' ? it.previews[tab] : undefined;
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
              {it.previews.map((one, nth) => (
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
          <ul className={classes.tags} aria-label="Tags">
            {it.tags.map(tag => (
              <li key={tag}>
                <Link to="/market" search={{ q: tag }}>
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
            {it.creator.display_name ?? 'a creator'}
            {it.creator.bio && <div className="small quiet">{it.creator.bio}</div>}
          </dd>
          <dt>Reviews</dt>
          <dd>
            <Stars rating={it.rating} />
          </dd>
          <dt>Sold</dt>
          <dd>{it.sales} times</dd>
          <dt>Version</dt>
          <dd>
            {it.version}, {date(it.updated_at)}
          </dd>
        </dl>
        <div className="row">
          <ShareButton it={it} />
          <Report it={it} />
        </div>
        {me?.role && <Delist it={it} />}
      </aside>
    </div>
  );
}

const SUBJECTS: Record<DemoSubject, string> = { sphere: 'Ball', bust: 'Bust', product: 'Bottle' };

/** The creator's own sliders, and a picture that follows them. */
function Demo({ it }: { it: Listing }) {
  const api = useApi();
  const demo = it.demo;
  const [subject, setSubject] = useState<DemoSubject | undefined>(demo?.subjects[0]);
  const [overrides, setOverrides] = useState<DemoOverrides>({
    stops: 0,
    kelvin: 0,
    focal_length_mm: null,
    aperture: null,
  });
  const asked = { subject, overrides };
  const [settled] = useDebouncedValue(asked, 150);
  const query = useQuery({
    queryKey: ['demo', it.id, it.version, settled],
    queryFn: ({ signal }) =>
      api.post(
        `/api/v1/marketplace/listings/${it.id}/preview`,
        { ...settled, size: 512 },
        { signal },
      ),
    placeholderData: keepPreviousData,
    staleTime: 300_000,
  });
  if (!demo) return null;
  const set = (change: Partial<DemoOverrides>) => setOverrides({ ...overrides, ...change });
  return (
    <div className="stack">
      <figure className={classes.stage} aria-busy={query.isFetching}>
        {query.data && (
          <img
            src={query.data.image.url}
            width={query.data.image.width}
            height={query.data.image.height}
            alt={`${it.title} on a ${SUBJECTS[query.data.subject].toLowerCase()}`}
          />
        )}
        {query.error && <ProblemText error={query.error} />}
      </figure>
      <div className="columns">
        {demo.subjects.length > 1 && (
          <Select
            label="Subject"
            allowDeselect={false}
            data={demo.subjects.map(value => ({ value, label: SUBJECTS[value] }))}
            value={subject}
            onChange={value => setSubject(value as DemoSubject)}
          />
        )}
        {demo.stops_max > 0 && (
          <Slid
            label="All lights, stops"
            limits={[-demo.stops_max, demo.stops_max, 0.1]}
            value={overrides.stops}
            onChange={stops => set({ stops })}
          />
        )}
        {demo.kelvin_max > 0 && (
          <Slid
            label="Warmer or colder, kelvin"
            limits={[-demo.kelvin_max, demo.kelvin_max, 50]}
            value={overrides.kelvin}
            onChange={kelvin => set({ kelvin })}
          />
        )}
        {demo.lens && (
          <Slid
            label="Focal length, mm"
            limits={[24, 200, 1]}
            value={overrides.focal_length_mm ?? 85}
            onChange={focal_length_mm => set({ focal_length_mm })}
          />
        )}
      </div>
    </div>
  );
}

function Slid(props: {
  label: string;
  limits: [number, number, number];
  value: number;
  onChange: (value: number) => void;
}) {
  const [min, max, step] = props.limits;
  return (
    <div>
      <div className="row between">
        <span>{props.label}</span>
        <span className="num quiet">{props.value}</span>
      </div>
      <Slider
        size={4}
        label={null}
        min={min}
        max={max}
        step={step}
        value={props.value}
        onChange={props.onChange}
        thumbLabel={props.label}
      />
    </div>
  );
}

function Buy({ it }: { it: Listing }) {
  const { session, api } = useServices();
  const signedIn = useSignedIn();
  const { data: me } = useMe();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const key = useRef(newKey());
  const mine = me?.creator_id === it.creator.id;
  const bought = useQuery({
    queryKey: ['purchases', 'of', it.id],
    queryFn: ({ signal }) =>
      api.get('/api/v1/marketplace/purchases', { listing_id: it.id, limit: 5 }, signal),
    enabled: signedIn,
  });
  const owned = bought.data?.items.find(one => one.entitlement === 'active');
  const open = bought.data?.items.find(one => one.checkout_url);
  const buy = useMutation({
    mutationFn: () =>
      api.post(
        '/api/v1/marketplace/purchases',
        {
          listing_id: it.id,
          expected_price: it.price,
          referral: sessionStorage.getItem(`prolight.ref.${it.id}`) ?? undefined,
        },
        { idempotencyKey: key.current },
      ),
    onSuccess: made => {
      if (made.checkout_url) {
        location.assign(made.checkout_url);
        return;
      }
      void queries.invalidateQueries({ queryKey: ['purchases'] });
      announce(`“${it.title}” is yours.`);
    },
    onError: error => {
      key.current = newKey();
      if (isProblem(error, 'price_changed')) {
        void queries.invalidateQueries({ queryKey: ['listing', it.id] });
      }
      announceProblem(error, 'Buy');
    },
  });
  if (mine) {
    return (
      <div className="stack">
        <Badge variant="light">Yours</Badge>
        <Button
          variant="default"
          renderRoot={props => <Link to="/sell/listings/$id" params={{ id: it.id }} {...props} />}
        >
          Edit it
        </Button>
      </div>
    );
  }
  if (owned) {
    return (
      <div className="stack">
        <Badge variant="light" color="green">
          Owned, version {owned.latest_version}
        </Badge>
        <Button onClick={() => navigate({ to: '/studio', search: { listing: it.id } })}>
          Use it in the studio
        </Button>
        <Button
          variant="default"
          renderRoot={props => (
            <Link to="/market/purchases" search={{ new: owned.id }} {...props} />
          )}
        >
          Downloads and receipt
        </Button>
      </div>
    );
  }
  if (!signedIn) {
    return (
      <Button onClick={() => session.begin(`/market/listings/${it.id}`)}>
        Sign in to {it.price.amount === 0 ? 'get' : 'buy'} it
      </Button>
    );
  }
  return (
    <div className="stack">
      <Button loading={buy.isPending || bought.isPending} onClick={() => buy.mutate()}>
        {it.price.amount === 0 ? 'Get it for free' : `Buy for ${price(it.price)}`}
      </Button>
      {open?.checkout_url && (
        <p className="small">
          <a href={open.checkout_url}>The payment you began</a> is still open.
        </p>
      )}
      {it.price.amount > 0 && (
        <p className="small quiet">
          You pay on Stripe’s page and come back here. Unused, it can be refunded from your
          purchases.
        </p>
      )}
    </div>
  );
}

function ShareButton({ it }: { it: Listing }) {
  const { session, api } = useServices();
  const signedIn = useSignedIn();
  const [shared, setShared] = useState<Share>();
  const share = useMutation({
    mutationFn: () => api.post(`/api/v1/marketplace/listings/${it.id}/share`),
    onSuccess: async link => {
      setShared(link);
      await navigator.clipboard?.writeText(link.url).then(
        () => announce('The link is in your clipboard.'),
        () => undefined,
      );
    },
    onError: error => announceProblem(error, 'Share'),
  });
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        loading={share.isPending}
        onClick={() => (signedIn ? share.mutate() : session.begin(`/market/listings/${it.id}`))}
      >
        Share
      </Button>
      <Modal opened={shared !== undefined} onClose={() => setShared(undefined)} title="Your link">
        {shared && (
          <div className="stack">
            <p>
              <a href={shared.url}>{shared.url}</a>
            </p>
            <p className="quiet">
              {shared.clicks} {shared.clicks === 1 ? 'visitor' : 'visitors'} so far, each counted
              once a day.
            </p>
          </div>
        )}
      </Modal>
    </>
  );
}

/** What staff do with a listing that must not be sold. */
function Delist({ it }: { it: Listing }) {
  const api = useApi();
  const navigate = useNavigate();
  const delist = useMutation({
    mutationFn: ({ reason }: { reason: string; close: () => void }) =>
      api.post(`/api/v1/admin/marketplace/listings/${it.id}/delist`, { reason }),
    onSuccess: (_, { close }) => {
      close();
      announce(`“${it.title}” is off sale.`);
      void navigate({ to: '/market', search: {} });
    },
    onError: error => announceProblem(error, 'Take it off sale'),
  });
  return (
    <div>
      <Confirm
        action="Take it off sale"
        title={`Take “${it.title}” off sale`}
        danger
        reason="Reason, shown to the creator"
        busy={delist.isPending}
        onConfirm={(reason, close) => delist.mutate({ reason, close })}
      >
        Nobody can buy it any longer. Buyers keep what they bought.
      </Confirm>
    </div>
  );
}

const REASONS: { value: FlagReason; label: string }[] = [
  { value: 'copied', label: 'It copies another’s work' },
  { value: 'misleading', label: 'It is not what it claims to be' },
  { value: 'prohibited', label: 'It shows prohibited content' },
  { value: 'broken', label: 'It does not work' },
  { value: 'spam', label: 'It is spam' },
  { value: 'abusive', label: 'It insults or threatens' },
];

function Report({ it }: { it: Listing }) {
  const { session, api } = useServices();
  const signedIn = useSignedIn();
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState<FlagReason>();
  const report = useMutation({
    mutationFn: async () =>
      reason && api.post(`/api/v1/marketplace/listings/${it.id}/flags`, { reason }),
    onSuccess: () => {
      setOpen(false);
      announce('Thank you. A moderator looks at listings that several people report.');
    },
    onError: error => announceProblem(error, 'Report'),
  });
  return (
    <>
      <Button
        size="compact-sm"
        variant="subtle"
        color="gray"
        onClick={() => (signedIn ? setOpen(true) : session.begin(`/market/listings/${it.id}`))}
      >
        Report
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title={`Report “${it.title}”`}>
        <div className="stack">
          <Select
            label="What is wrong with it"
            data={REASONS}
            value={reason ?? null}
            onChange={value => setReason(REASONS.find(it => it.value === value)?.value)}
            comboboxProps={{ withinPortal: true }}
          />
          <Button
            loading={report.isPending}
            disabled={reason === undefined}
            onClick={() => report.mutate()}
          >
            Report
          </Button>
        </div>
      </Modal>
    </>
  );
}

function Reviews({ it }: { it: Listing }) {
  const api = useApi();
  const { data: me } = useMe();
  const mine = me?.creator_id === it.creator.id;
  const list = usePages(['reviews', it.id], (cursor, signal) =>
    api.get(`/api/v1/marketplace/listings/${it.id}/reviews`, { limit: 10, cursor }, signal),
  );
  return (
    <section className="stack" aria-labelledby="reviews">
      <h2 id="reviews">Reviews</h2>
      <WriteReview it={it} />
      <List query={list} empty="No reviews yet. Buyers can write one.">
        <div>
          {list.items.map(review => (
            <article key={review.id} className={classes.review}>
              <div className="row">
                <Given stars={review.rating} />
                <b>{review.author ?? 'A buyer'}</b>
                <span className="quiet small">
                  <When at={review.created_at} />
                </span>
              </div>
              {review.comment && <p className={classes.text}>{review.comment}</p>}
              {review.reply && (
                <p className={classes.reply}>
                  <b>{it.creator.display_name ?? 'The creator'}:</b> {review.reply.text}
                </p>
              )}
              {mine && <ReplyForm it={it} review={review} />}
            </article>
          ))}
        </div>
      </List>
    </section>
  );
}

/** What the creator answers to a review; another answer replaces the first. */
function ReplyForm({ it, review }: { it: Listing; review: Review }) {
  const api = useApi();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [text, setText] = useState(review.reply?.text ?? '');
  const reply = useMutation({
    mutationFn: () =>
      api.post(`/api/v1/marketplace/listings/${it.id}/reviews/${review.id}/reply`, { text }),
    onSuccess: () => {
      setOpen(false);
      announce('Your reply is published.');
      void queries.invalidateQueries({ queryKey: ['reviews', it.id] });
    },
    onError: error => announceProblem(error, 'Reply'),
  });
  if (!open) {
    return (
      <Button size="compact-xs" variant="default" mt="xs" onClick={() => setOpen(true)}>
        {review.reply ? 'Change your reply' : 'Reply'}
      </Button>
    );
  }
  return (
    <form
      className="stack"
      onSubmit={event => {
        event.preventDefault();
        reply.mutate();
      }}
    >
      <Textarea
        label="Your reply"
        required
        maxLength={2000}
        autosize
        minRows={2}
        value={text}
        onChange={event => setText(event.currentTarget.value)}
      />
      <div>
        <Button type="submit" size="xs" loading={reply.isPending}>
          Publish
        </Button>
      </div>
    </form>
  );
}

function Given({ stars }: { stars: number }) {
  return (
    <span>
      <span aria-hidden="true" className={classes.star}>
        {'★'.repeat(stars)}
        {'☆'.repeat(5 - stars)}
      </span>
      <span className="visually-hidden">{stars} of 5 stars</span>
    </span>
  );
}

function WriteReview({ it }: { it: Listing }) {
  const api = useApi();
  const signedIn = useSignedIn();
  const queries = useQueryClient();
  const [rating, setRating] = useState(0);
  const [comment, setComment] = useState('');
  const bought = useQuery({
    queryKey: ['purchases', 'of', it.id],
    queryFn: ({ signal }) =>
      api.get('/api/v1/marketplace/purchases', { listing_id: it.id, limit: 5 }, signal),
    enabled: signedIn,
  });
  const write = useMutation({
    mutationFn: () =>
      api.post('/api/v1/marketplace/reviews', {
        listing_id: it.id,
        rating,
        ...(comment.trim() === '' ? {} : { comment }),
      }),
    onSuccess: () => {
      announce('Your review is published.');
      setComment('');
      setRating(0);
      void queries.invalidateQueries({ queryKey: ['reviews', it.id] });
      void queries.invalidateQueries({ queryKey: ['listing', it.id] });
    },
    onError: error => announceProblem(error, 'Review'),
  });
  if (!bought.data?.items.some(one => one.entitlement === 'active')) return null;
  return (
    <form
      className="stack"
      onSubmit={event => {
        event.preventDefault();
        write.mutate();
      }}
    >
      <fieldset className={classes.stars}>
        <legend>Your rating</legend>
        {[1, 2, 3, 4, 5].map(stars => (
          <label key={stars} data-on={stars <= rating || undefined}>
            <input
              type="radio"
              name="stars"
              className="visually-hidden"
              checked={stars === rating}
              onChange={() => setRating(stars)}
            />
            <span aria-hidden="true">★</span>
            <span className="visually-hidden">
              {stars} {stars === 1 ? 'star' : 'stars'}
            </span>
          </label>
        ))}
      </fieldset>
      <Textarea
        aria-label="Your review"
        placeholder="How did it work for you?"
        maxLength={2000}
        autosize
        minRows={2}
        value={comment}
        onChange={event => setComment(event.currentTarget.value)}
      />
      <div>
        <Button type="submit" size="xs" disabled={rating === 0} loading={write.isPending}>
          Publish
        </Button>
      </div>
    </form>
  );
}
