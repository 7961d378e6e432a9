import { Button, Textarea } from '@mantine/core';
import type { Listing, Review } from '@prolight/client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useApi, useMe, useSignedIn } from '../../context.tsx';
import { When } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { RemoveReview } from '../staff/ListingDecisions.tsx';
import classes from './Market.module.css';
import { Report } from './Report.tsx';

/** What buyers say, and what the creator answers. */
export function Reviews({ it }: { it: Listing }) {
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
            <article key={review.id} className={`stack ${classes.review}`}>
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
              <div className="row">
                {mine && <ReplyForm it={it} review={review} />}
                <Report
                  listingId={it.id}
                  title={`Report the review by ${review.author ?? 'a buyer'}`}
                  choices={[
                    { about: 'review', label: 'The review', review_id: review.id },
                    { about: 'reviewer', label: 'Its author', review_id: review.id },
                  ]}
                />
                {me?.role && <RemoveReview listingId={it.id} id={review.id} />}
              </div>
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
  const [entered, setEntered] = useState<string>();
  const text = entered ?? review.reply?.text ?? '';
  const reply = useMutation({
    mutationFn: () =>
      api.post(`/api/v1/marketplace/listings/${it.id}/reviews/${review.id}/reply`, { text }),
    onSuccess: () => {
      setOpen(false);
      setEntered(undefined);
      announce('Your reply is published.');
      void queries.invalidateQueries({ queryKey: ['reviews', it.id] });
    },
    onError: error => announceProblem(error, 'Reply'),
  });
  if (!open) {
    return (
      <Button size="compact-sm" variant="default" onClick={() => setOpen(true)}>
        {review.reply ? 'Change your reply' : 'Reply'}
      </Button>
    );
  }
  return (
    <form
      className={`stack ${classes.replying}`}
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
        onChange={event => setEntered(event.currentTarget.value)}
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
