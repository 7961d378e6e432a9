import { type Answer, type Ask, isProblem } from '@prolight/client';
import { hashKey } from '@tanstack/react-query';

/** What was to be changed is no longer as the person saw it. */
export class ChangedElsewhere<T> extends Error {
  readonly stored: T;

  constructor(stored: T) {
    super('It was changed elsewhere.');
    this.stored = stored;
  }
}

/** Whether two values are the same JSON, in whatever order their fields are. */
export function isSame(one: unknown, other: unknown): boolean {
  return hashKey([one]) === hashKey([other]);
}

const ATTEMPTS = 3;

/**
 * Changes what is stored, if it is still as the person saw it: it is read, compared, and changed
 * with its `ETag` as `If-Match`, so that nothing comes in between. Answers to a change have no
 * `ETag`. A tag is about all that is stored, and a visitor or a sale moves that of a listing too:
 * after a 412 it is read and compared again.
 *
 * @throws {ChangedElsewhere} with what is stored now.
 */
export async function saveIfUnchanged<T>({
  read,
  isAsSeen,
  write,
}: {
  read: () => Promise<Answer<T>>;
  isAsSeen: (now: T) => boolean;
  write: (ask: Ask) => Promise<T>;
}): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const { data, etag } = await read();
    if (!isAsSeen(data)) throw new ChangedElsewhere(data);
    try {
      return await write({ headers: { 'If-Match': etag ?? '*' } });
    } catch (error) {
      if (!isProblem(error, 'precondition_failed') || attempt === ATTEMPTS) throw error;
    }
  }
}
