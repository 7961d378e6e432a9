/** One page of a list. */
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** Every item of a list, page by page, for as long as the caller goes on. */
export async function* everyItem<T>(
  page: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  do {
    const { items, next_cursor } = await page(cursor);
    yield* items;
    if (next_cursor !== null && next_cursor === cursor) return;
    cursor = next_cursor ?? undefined;
  } while (cursor !== undefined);
}
