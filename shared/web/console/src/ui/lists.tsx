import { Button, Skeleton } from '@mantine/core';
import type { Page } from '@prolight/client';
import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ProblemNotice } from './problem.tsx';

/** A list of the API, page by page. */
export function usePages<T>(
  key: QueryKey,
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
  options: {
    enabled?: boolean;
    /** How soon the list is read again, in milliseconds, by what is on it. */
    follow?: (items: T[]) => number | false;
  } = {},
) {
  const { follow, ...rest } = options;
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) =>
      follow?.(state.data?.pages.flatMap(page => page.items) ?? []) ?? false,
    ...rest,
  });
  return { ...query, items: query.data?.pages.flatMap(page => page.items) ?? [] };
}

interface Listed {
  isPending: boolean;
  error: unknown;
  refetch: () => unknown;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
  items: unknown[];
}

/** Every state of a list: on its way, failed, empty, with more, and at its end. */
export function List({
  query,
  empty,
  skeleton,
  children,
  end = true,
}: {
  query: Listed;
  empty: ReactNode;
  skeleton?: ReactNode;
  children: ReactNode;
  end?: boolean;
}) {
  if (query.isPending) {
    return (
      <div role="status" aria-label="Loading">
        {skeleton ?? <Lines />}
      </div>
    );
  }
  if (query.error && query.items.length === 0) {
    return <ProblemNotice error={query.error} retry={() => query.refetch()} />;
  }
  const isEmpty = query.items.length === 0;
  if (isEmpty && !query.hasNextPage) return <Empty>{empty}</Empty>;
  return (
    <div className="stack">
      {isEmpty ? <Empty>Nothing so far; there is more to look through.</Empty> : children}
      {query.error ? <ProblemNotice error={query.error} retry={() => query.refetch()} /> : null}
      {query.hasNextPage ? (
        <div>
          <Button
            variant="default"
            loading={query.isFetchingNextPage}
            onClick={() => query.fetchNextPage()}
          >
            Show more
          </Button>
        </div>
      ) : (
        end && query.items.length > 8 && <p className="small quiet">That is all.</p>
      )}
    </div>
  );
}

export function Lines({ count = 4 }: { count?: number }) {
  return (
    <div className="stack">
      {Array.from({ length: count }, (_, nth) => (
        <Skeleton key={nth} height={20} width={`${90 - nth * 9}%`} />
      ))}
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <div className="empty">{children}</div>;
}

/** A query that is one thing: on its way, failed, or there. */
export function Loaded<T>({
  query,
  children,
  lines,
}: {
  query: { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown };
  children: (data: T) => ReactNode;
  lines?: number;
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <ProblemNotice error={query.error} retry={() => query.refetch()} />;
  return (
    <div role="status" aria-label="Loading">
      <Lines count={lines ?? 4} />
    </div>
  );
}
