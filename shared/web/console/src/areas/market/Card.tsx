import type { ListingCard, Rating } from '@prolight/client';
import { Link } from '@tanstack/react-router';
import { count, decimal, price, TYPE_NAMES, words } from '../../ui/format.tsx';
import classes from './Market.module.css';

/** Where the buyer found a listing, kept for the purchase; creators see the counts. */
const FOUND = 'prolight.found.';

export function foundBy(listingId: string): 'search' | 'direct' {
  return sessionStorage.getItem(FOUND + listingId) === 'search' ? 'search' : 'direct';
}

/** A listing in a grid, of the results of a search if it is `found`. */
export function Card({ it, found }: { it: ListingCard; found?: boolean }) {
  return (
    <Link
      to="/market/listings/$id"
      params={{ id: it.id }}
      className={classes.card}
      onClick={() => found && sessionStorage.setItem(FOUND + it.id, 'search')}
    >
      <span className={classes.cardPicture}>
        {it.preview ? (
          <img src={it.preview.url_600} alt="" loading="lazy" />
        ) : (
          <span className="small quiet">No picture</span>
        )}
      </span>
      <span className={classes.cardText}>
        <span className={classes.cardTitle}>{it.title}</span>
        <span className={classes.cardPrice}>{price(it.price)}</span>
        <span className="quiet small">
          {TYPE_NAMES[it.type]}, {words(it.category)}
        </span>
        <span className="quiet small">
          <Stars rating={it.rating} />
        </span>
      </span>
    </Link>
  );
}

export function Stars({ rating }: { rating: Rating }) {
  if (rating.average === null) return <>No reviews</>;
  return (
    <span>
      <span aria-hidden="true" className={classes.star}>
        ★
      </span>
      <span className="visually-hidden">rated </span>
      <span className="num">{decimal(rating.average)}</span> ({count(rating.count)})
    </span>
  );
}
