import { type Generation, type Page, waitFor } from '@prolight/client';
import {
  type InfiniteData,
  type QueryClient,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useEffect } from 'react';
import { useApi, useRefreshMe, useSignedIn } from '../../context.tsx';

export const GENERATIONS = ['generations'] as const;

export function isFinal(it: Generation): boolean {
  return it.status === 'succeeded' || it.status === 'failed' || it.status === 'cancelled';
}

const WORDS_MAX = 60;

/** What a picture is called among others: the first words of its prompt. */
export function called(it: Generation): string {
  const text = it.prompt?.trim() ?? '';
  if (text === '') return `Seed ${it.seed}`;
  return text.length <= WORDS_MAX ? text : `${text.slice(0, WORDS_MAX).replace(/\s+\S*$/, '')}…`;
}

/** The newest pictures. */
export function useRecent(limit: number) {
  const api = useApi();
  const signedIn = useSignedIn();
  return useQuery({
    queryKey: [...GENERATIONS, 'recent', limit],
    queryFn: ({ signal }) => api.get('/api/v1/generations', { limit }, signal),
    enabled: signedIn,
    // The links to pictures are valid for minutes.
    staleTime: 60_000,
  });
}

export function useGeneration(id: string | undefined) {
  const api = useApi();
  return useQuery({
    queryKey: [...GENERATIONS, 'one', id],
    queryFn: ({ signal }) => api.get(`/api/v1/generations/${id}`, undefined, signal),
    enabled: id !== undefined,
    staleTime: 60_000,
  });
}

type Shown = Generation | Page<Generation> | InfiniteData<Page<Generation>>;

/** Changes a generation wherever it is shown, or takes it out of the lists. */
export function changeShown(
  queries: QueryClient,
  id: string,
  change: (it: Generation) => Generation | undefined,
): void {
  const changed = (page: Page<Generation>) => ({
    ...page,
    items: page.items.flatMap(it => (it.id === id ? (change(it) ?? []) : it)),
  });
  queries.setQueriesData<Shown>({ queryKey: GENERATIONS }, shown => {
    if (shown === undefined) return undefined;
    if ('pages' in shown) return { ...shown, pages: shown.pages.map(changed) };
    if ('items' in shown) return changed(shown);
    return shown.id === id ? (change(shown) ?? shown) : shown;
  });
}

/** Follows every open generation until it ends, however the page was reached. */
export function useFollow(open: string[]): void {
  const api = useApi();
  const queries = useQueryClient();
  const refreshMe = useRefreshMe();
  const key = open.join(' ');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the ids are in the key.
  useEffect(() => {
    const ended = new AbortController();
    for (const id of key === '' ? [] : key.split(' ')) {
      const show = (it: Generation) => {
        queries.setQueryData([...GENERATIONS, 'one', id], it);
        changeShown(queries, id, () => it);
      };
      waitFor<Generation>({
        read: signal => api.read(`/api/v1/generations/${id}`, signal),
        isFinal,
        onProgress: show,
        signal: ended.signal,
      })
        .then(() => {
          refreshMe();
          void queries.invalidateQueries({ queryKey: GENERATIONS });
        })
        .catch(() => {
          // Left the page, or the error is shown by the query of the picture.
        });
    }
    return () => ended.abort();
  }, [key]);
}

/** Saves a picture under a name. */
export async function download(it: Generation): Promise<void> {
  if (!it.image) return;
  const name = `prolight-${it.id}.png`;
  const link = document.createElement('a');
  try {
    // What the page keeps of its picture was asked for without leave for scripts to read it.
    const answer = await fetch(it.image.url, { cache: 'reload' });
    if (!answer.ok) throw new Error(String(answer.status));
    const url = URL.createObjectURL(await answer.blob());
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch {
    // The storage allows no script to read it: the browser opens it instead.
    link.href = it.image.url;
    link.target = '_blank';
    link.rel = 'noopener';
    link.click();
  }
}
