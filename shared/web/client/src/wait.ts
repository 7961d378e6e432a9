import { isProblem, localProblem, type Problem } from './problem.ts';
import { type Answer, pause } from './transport.ts';

export interface WaitOptions<T> {
  /** Asks once. */
  read: (signal?: AbortSignal) => Promise<Answer<T>>;
  /** Whether it is in its final state. */
  isFinal: (value: T) => boolean;
  /** Told about every state on the way. */
  onProgress?: (value: T) => void;
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal;
  /** How long the whole wait may take, in milliseconds: `WAIT_LIMIT_MS` if absent. */
  limitMs?: number;
  pause?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Two hours. A generation waits for a worker for an hour at most, and then for its provider for a
 * quarter of an hour. Only one that waits for a `result_host` may take longer: up to three days.
 */
export const WAIT_LIMIT_MS = 2 * 60 * 60 * 1000;
const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 15;

/**
 * Asks until the thing is final, as often as `Retry-After` says. A failure that may pass is asked
 * again. The caller's signal ends it with the signal's reason, and the limit with a problem
 * `still_open`.
 */
export async function waitFor<T>(options: WaitOptions<T>): Promise<T> {
  const limit = AbortSignal.timeout(options.limitMs ?? WAIT_LIMIT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  try {
    return await askUntilFinal({ ...options, signal });
  } catch (error) {
    if (!limit.aborted || options.signal?.aborted || isProblem(error)) throw error;
    throw localProblem('still_open', 'Not finished', 'It has not ended within the time to wait.', {
      cause: error,
    });
  }
}

async function askUntilFinal<T>(options: WaitOptions<T>): Promise<T> {
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
