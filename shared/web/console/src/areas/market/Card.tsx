import type { ListingCard, Rating } from '@prolight/client';
import { Link } from '@tanstack/react-router';
import { price, TYPE_NAMES, words } from '../../ui/format.tsx';
import classes from './Market.module.css';

/** A listing in a grid. */
export function Card({ it, owned }: { it: ListingCard; owned?: boolean }) {
  return (
    <Link to="/market/listings/$id" params={{ id: it.id }} className={classes.card}>
      <span className={classes.cardPicture}>
        {it.preview ? (
          <img src={it.preview.url_600} alt="" loading="lazy" />
        ) : (
          <span className="small quiet">No picture</span>
        )}
      </span>
      <span className={classes.cardText}>
        <span className={classes.cardTitle}>{it.title}</span>
        <span className={classes.cardPrice}>{owned ? 'Owned' : price(it.price)}</span>
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
      <span className="num">{rating.average.toFixed(1)}</span> ({rating.count})
    </span>
  );
}
