import { isProblem, type Problem } from './problem.ts';
import { type Answer, pause } from './transport.ts';

export interface WaitOptions<T> {
  /** Asks once. */
  read: (signal?: AbortSignal) => Promise<Answer<T>>;
  /** Whether it is in its final state. */
  isFinal: (value: T) => boolean;
  /** Told about every state on the way. */
  onProgress?: (value: T) => void;
  signal?: AbortSignal;
  pause?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 15;

/**
 * Asks until the thing is final, as often as `Retry-After` says. A failure that may pass is asked
 * again; the caller ends it with `signal`.
 */
export async function waitFor<T>(options: WaitOptions<T>): Promise<T> {
  const { read, isFinal, onProgress, signal } = options;
  let waitS = FIRST_WAIT_S;
  for (;;) {
    let failure: Problem | undefined;
    try {
      const { data, retryAfterS } = await read(signal);
      onProgress?.(data);
      if (isFinal(data)) return data;
      waitS = retryAfterS ?? FIRST_WAIT_S;
    } catch (error) {
      if (!isProblem(error) || !error.isTemporary) throw error;
      failure = error;
    }
    if (failure) waitS = failure.retryAfterS ?? Math.min(waitS * 2, LONGEST_WAIT_S);
    await (options.pause ?? pause)(Math.min(waitS, LONGEST_WAIT_S) * 1000, signal);
  }
}
