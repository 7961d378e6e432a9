import { Button, Checkbox, CloseButton, Select, Skeleton, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import type { Category, ListingCard, ListingType } from '@prolight/client';
import { IconSearch } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useApi } from '../../context.tsx';
import { count, money, TYPE_NAMES, Words } from '../../ui/format.tsx';
import { List } from '../../ui/lists.tsx';
import { Card } from './Card.tsx';
import classes from './Market.module.css';

const SORTS = [
  { value: 'relevance', label: 'Best match' },
  { value: 'newest', label: 'Newest' },
  { value: 'best_selling', label: 'Best selling' },
  { value: 'top_rated', label: 'Best rated' },
  { value: 'price_ascending', label: 'Lowest price' },
  { value: 'price_descending', label: 'Highest price' },
];

/** Several values of one search parameter, separated by commas. */
function several(value: string | undefined): string[] {
  return value === undefined ? [] : value.split(',');
}

/** Search as one types, with what the results can be narrowed by. */
export function Market() {
  const api = useApi();
  const navigate = useNavigate();
  const search = useSearch({ from: '/market' });
  const [typed, setTyped] = useState(search.q ?? '');
  const [q] = useDebouncedValue(typed.trim(), 200);
  const set = (change: Partial<typeof search>) =>
    navigate({ to: '/market', search: { ...search, ...change }, replace: true });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address follows what is typed.
  useEffect(() => {
    if ((search.q ?? '') !== q) void set({ q: q === '' ? undefined : q });
  }, [q]);

  const list = useInfiniteQuery({
    queryKey: ['search', search],
    queryFn: ({ pageParam, signal }) =>
      api.get(
        '/api/v1/marketplace/listings/search',
        {
          q: search.q,
          type: several(search.type),
          category: several(search.category),
          tag: several(search.tag),
          creator: search.creator,
          rating_min: search.rating,
          free: search.free === undefined ? undefined : true,
          price_max: search.price,
          sort: search.sort,
          limit: 24,
          cursor: pageParam,
        },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
  const items: ListingCard[] = list.data?.pages.flatMap(page => page.items) ?? [];
  const facets = list.data?.pages[0]?.facets;
  const total = list.data?.pages[0]?.total;
  const lacking = total !== 0 && list.data?.pages[0]?.matched === 'all_but_one';
  const { q: _, sort: __, ...filters } = search;
  const filtered = Object.keys(filters).length > 0;
  return (
    <div className="page">
      <div className="page-head">
        <h1>Market</h1>
        <Link to="/market/purchases" search={{}}>
          Your purchases
        </Link>
      </div>
      <div className={classes.bar}>
        <TextInput
          className={classes.search}
          aria-label="Search the market"
          placeholder="Rembrandt, beauty light, product on slate"
          leftSection={<IconSearch size={16} stroke={1.6} />}
          rightSection={
            typed !== '' && (
              <CloseButton aria-label="Clear the search" onClick={() => setTyped('')} />
            )
          }
          value={typed}
          onChange={event => setTyped(event.currentTarget.value)}
        />
        <Select
          aria-label="Order"
          w={170}
          data={SORTS}
          allowDeselect={false}
          value={search.sort ?? (search.q ? 'relevance' : 'newest')}
          onChange={sort => set({ sort: sort ?? undefined })}
        />
      </div>
      <div className={classes.layout}>
        <aside className={classes.facets} aria-label="Narrow the results">
          <details className={classes.facetFold} open={!matchMedia('(max-width: 48em)').matches}>
            <summary>Filters</summary>
            <Facet
              title="Type"
              counts={facets?.types}
              names={TYPE_NAMES}
              chosen={several(search.type)}
              onChange={type => set({ type })}
            />
            <Facet
              title="Category"
              counts={facets?.categories}
              chosen={several(search.category)}
              onChange={category => set({ category })}
            />
            <fieldset className={classes.facet}>
              <legend>Price</legend>
              <Checkbox
                size="sm"
                label={`Free (${facets?.free ?? 0})`}
                checked={search.free !== undefined}
                onChange={event => set({ free: event.currentTarget.checked ? 'yes' : undefined })}
              />
              {facets?.prices && (
                <p className="small quiet">
                  {money(facets.prices.min)} to {money(facets.prices.max)}
                </p>
              )}
              <Select
                size="xs"
                aria-label="Highest price"
                placeholder="Any price"
                clearable
                data={['1000', '2000', '5000', '10000'].map(value => ({
                  value,
                  label: `Up to ${money({ amount: Number(value), currency: 'usd' })}`,
                }))}
                value={search.price ?? null}
                onChange={price => set({ price: price ?? undefined })}
              />
            </fieldset>
            <fieldset className={classes.facet}>
              <legend>Reviews</legend>
              <Select
                size="xs"
                aria-label="Fewest stars"
                placeholder="Any rating"
                clearable
                data={['4', '3', '2'].map(value => ({
                  value,
                  label: `${value} stars and more (${facets?.ratings[value] ?? 0})`,
                }))}
                value={search.rating ?? null}
                onChange={rating => set({ rating: rating ?? undefined })}
              />
            </fieldset>
            {search.tag && (
              <p className="small">
                Tagged {several(search.tag).join(', ')}.{' '}
                <Link to="/market" search={{ ...search, tag: undefined }}>
                  Any tag
                </Link>
              </p>
            )}
            {search.creator && (
              <p className="small">
                By {items[0]?.creator.display_name ?? 'one creator'}.{' '}
                <Link to="/market" search={{ ...search, creator: undefined }}>
                  By anybody
                </Link>
              </p>
            )}
            {filtered && (
              <Button
                size="compact-sm"
                variant="default"
                onClick={() => navigate({ to: '/market', search: { q: search.q } })}
              >
                Clear the filters
              </Button>
            )}
          </details>
        </aside>
        <section aria-label="Results" className={classes.results}>
          {!search.q && !filtered && <Popular />}
          <p className="small quiet" role="status">
            {total === undefined
              ? 'Searching…'
              : `${count(total)} ${total === 1 ? 'listing' : 'listings'}`}
            {lacking && '. Nothing has all of these words; each of these lacks one.'}
          </p>
          <List
            query={{ ...list, items }}
            skeleton={<Cards />}
            empty={
              <>
                Nothing matches{search.q ? ` “${search.q}”` : ''}.{' '}
                {filtered ? 'Fewer filters may help.' : 'Other words may help.'}
              </>
            }
          >
            <ul className={classes.grid} data-stale={list.isPlaceholderData || undefined}>
              {items.map(it => (
                <li key={it.id}>
                  <Card it={it} found />
                </li>
              ))}
            </ul>
          </List>
        </section>
      </div>
    </div>
  );
}

function Cards() {
  return (
    <div className={classes.grid}>
      {Array.from({ length: 6 }, (_, nth) => (
        <Skeleton key={nth} height={230} />
      ))}
    </div>
  );
}

function Popular() {
  const api = useApi();
  const { data } = useQuery({
    queryKey: ['popular'],
    queryFn: ({ signal }) => api.get('/api/v1/marketplace/listings/popular', undefined, signal),
  });
  if (!data || data.items.length === 0) return null;
  return (
    <div className="stack">
      <h2>Popular</h2>
      <ul className={classes.grid}>
        {data.items.slice(0, 4).map(it => (
          <li key={it.id}>
            <Card it={it} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Facet({
  title,
  counts,
  names,
  chosen,
  onChange,
}: {
  title: string;
  counts: Record<string, number> | undefined;
  names?: Record<string, string>;
  chosen: string[];
  onChange: (value: string | undefined) => void;
}) {
  const all = [...new Set([...Object.keys(counts ?? {}), ...chosen])] as (ListingType | Category)[];
  if (all.length === 0) return null;
  return (
    <fieldset className={classes.facet}>
      <legend>{title}</legend>
      {all.map(value => (
        <Checkbox
          key={value}
          size="sm"
          label={
            <>
              {names?.[value] ?? Words(value)}{' '}
              <span className="quiet num">{counts?.[value] ?? 0}</span>
            </>
          }
          checked={chosen.includes(value)}
          onChange={event => {
            const next = event.currentTarget.checked
              ? [...chosen, value]
              : chosen.filter(it => it !== value);
            onChange(next.length === 0 ? undefined : next.join(','));
          }}
        />
      ))}
    </fieldset>
  );
}
