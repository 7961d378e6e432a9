import { Badge, SegmentedControl } from '@mantine/core';
import type { OwnListing } from '@prolight/client';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { count, date, price, TYPE_NAMES, When, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { HIDDEN, STATE_COLOURS } from './listing.ts';
import classes from './Sell.module.css';

/** Everything of the creator's, whatever its state. */
export function Listings() {
  const api = useApi();
  const [state, setState] = useState<string>('all');
  const list = usePages(['sell', 'listings'], (cursor, signal) =>
    api.get('/api/v1/marketplace/creator/listings', { limit: 50, cursor }, signal),
  );
  const shown = list.items.filter(it => state === 'all' || it.status === state);
  const states = [...new Set(list.items.map(it => it.status))];
  return (
    <>
      {states.length > 1 && (
        <div className="tab-scroll">
          <SegmentedControl
            size="xs"
            aria-label="State"
            data={[
              { value: 'all', label: 'All' },
              ...states.map(value => ({ value, label: Words(value) })),
            ]}
            value={state}
            onChange={setState}
          />
        </div>
      )}
      <List
        query={list}
        empty={
          <>
            Nothing for sale yet.{' '}
            <Link to="/sell/new" search={{}}>
              Make your first listing
            </Link>
            : a rig, a camera, a template or a model.
          </>
        }
      >
        <ul className={classes.rows}>
          {shown.map(it => (
            <li key={it.id} className={classes.row}>
              <Link
                to="/sell/listings/$id"
                params={{ id: it.id }}
                className={classes.picture}
                tabIndex={-1}
                aria-hidden="true"
              >
                {it.previews[0] ? (
                  <img src={it.previews[0].url_300} alt="" loading="lazy" />
                ) : (
                  <span className="small">No picture</span>
                )}
              </Link>
              <div className={classes.what}>
                <Link to="/sell/listings/$id" params={{ id: it.id }} className={classes.title}>
                  {it.title}
                </Link>
                <span className="quiet small">
                  {TYPE_NAMES[it.type]}, version {it.version}, changed <When at={it.updated_at} />
                </span>
                <Why it={it} />
              </div>
              <Badge variant="light" color={STATE_COLOURS[it.status] ?? 'gray'}>
                {Words(it.status)}
              </Badge>
              <div className={classes.numbers}>
                <span>{price(it.price)}</span>
                <span className="quiet small">
                  {count(it.sales)} sold, {count(it.views)} seen
                </span>
              </div>
            </li>
          ))}
        </ul>
      </List>
    </>
  );
}

/** What hides it, and why. */
export function Why({ it }: { it: OwnListing }) {
  if (it.hidden_by.length === 0) return null;
  const hidden = it.hidden_by.map(
    ({ code, reason, until }) =>
      HIDDEN[code] + (reason ? ` “${reason}”` : '') + (until ? ` Until ${date(until)}.` : ''),
  );
  return (
    <span className="small">
      {it.on_sale && `Version ${it.version}. `}
      {hidden.join(' ')}
    </span>
  );
}
