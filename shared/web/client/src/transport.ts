import { localProblem, Problem, problemOf, retryAfterOf } from './problem.ts';
import { mayBeRepeated } from './repeats.ts';

/** Where the tokens come from. */
export interface Session {
  /** The access token, or `undefined` for a caller who is not signed in. */
  token(): Promise<string | undefined>;
  /** A new token in place of a refused one, or `undefined` if the person has to sign in again. */
  renew(refused: string): Promise<string | undefined>;
}

/** A session of one token that nothing renews: an API key (`plk_...`) or an access token. */
export function fixedToken(token: string): Session {
  return { token: async () => token, renew: async () => undefined };
}

export interface Options {
  /** The API's address, for example `https://api.example`. */
  baseUrl: string;
  session?: Session;
  fetch?: typeof fetch;
  /** How long one attempt may take, in milliseconds. */
  timeoutMs?: number;
  /** Waits between attempts; tests pass one that does not. */
  pause?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export type Query = Record<string, string | number | boolean | undefined | null | string[]>;

export interface Ask {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  /**
   * Names this action: a repeat with the same key has no second effect, unless the operation ignores
   * the key (`NEVER_REPEATED`). Made if absent.
   */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

/** An answer with what its headers say. A 304 has no `data`: only `If-None-Match` asks for one. */
export interface Answer<T> {
  data: T;
  status: number;
  etag: string | undefined;
  location: string | undefined;
  retryAfterS: number | undefined;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const ATTEMPTS = 3;
const TIMEOUT_MS = 30_000;
/** Longest wait that a `Retry-After` may ask of a request that a person waits for. */
const RETRY_AFTER_MAX_S = 5;

/**
 * Sends requests: with a token that is renewed once if it is refused, an idempotency key for every
 * POST, a time limit, and a repeat where it is safe and makes sense.
 */
export class Transport {
  /** How long one attempt may take, in milliseconds. */
  readonly timeoutMs: number;
  private readonly options: Options;

  constructor(options: Options) {
    this.options = { ...options, baseUrl: options.baseUrl.replace(/\/$/, '') };
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  async send<T>(method: Method, path: string, ask: Ask = {}): Promise<Answer<T>> {
    const headers = new Headers({ Accept: 'application/json', ...ask.headers });
    if (ask.body !== undefined) headers.set('Content-Type', 'application/json');
    if (method === 'POST') headers.set('Idempotency-Key', ask.idempotencyKey ?? newKey());
    const init: RequestInit = { method, headers };
    if (ask.body !== undefined) init.body = JSON.stringify(ask.body);
    const url = this.url(path, ask.query);
    const answer = await this.persist(url, init, ask.signal);
    return {
      data: (await readJson(answer)) as T,
      status: answer.status,
      etag: answer.headers.get('ETag') ?? undefined,
      location: answer.headers.get('Location') ?? undefined,
      retryAfterS: retryAfterOf(answer),
    };
  }

  /** Reads what has changed since the answer with this `ETag`, or `undefined` if nothing has. */
  async readIfChanged<T>(
    path: string,
    etag: string,
    ask: Ask = {},
  ): Promise<Answer<T> | undefined> {
    const headers = { ...ask.headers, 'If-None-Match': etag };
    const answer = await this.send<T>('GET', path, { ...ask, headers });
    return answer.status === 304 ? undefined : answer;
  }

  /** As `fetch`, with all of the above; an answer that is neither 2xx nor 304 is thrown. */
  async fetch(request: Request): Promise<Response> {
    const headers = new Headers(request.headers);
    if (request.method === 'POST' && !headers.has('Idempotency-Key')) {
      headers.set('Idempotency-Key', newKey());
    }
    const init: RequestInit = { method: request.method, headers };
    const body = await request.text();
    if (body !== '') init.body = body;
    return this.persist(request.url, init, request.signal);
  }

  /** The address of a path of the API; an absolute address stays. */
  url(path: string, query: Query = {}): string {
    const url = new URL(/^https?:/.test(path) ? path : this.options.baseUrl + path);
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined || value === null || value === '') continue;
      for (const one of Array.isArray(value) ? value : [value]) {
        url.searchParams.append(name, String(one));
      }
    }
    return url.toString();
  }

  /** Repeats what may be repeated. */
  private async persist(url: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
    const repeatable = mayBeRepeated(init.method, url);
    for (let attempt = 1; ; attempt += 1) {
      let problem: Problem;
      try {
        const answer = await this.authorized(url, init, signal);
        if (answer.ok || answer.status === 304) return answer;
        problem = await problemOf(answer);
      } catch (error) {
        if (signal?.aborted || !(error instanceof Problem)) throw error;
        problem = error;
      }
      const waitS = problem.retryAfterS ?? 0.3 * 2 ** (attempt - 1);
      const worthIt = problem.isTemporary && problem.status !== 501;
      if (!worthIt || !repeatable || attempt === ATTEMPTS || waitS > RETRY_AFTER_MAX_S) {
        throw problem;
      }
      await (this.options.pause ?? pause)(waitS * 1000, signal);
    }
  }

  private async authorized(
    url: string,
    init: RequestInit,
    signal?: AbortSignal,
  ): Promise<Response> {
    const { session } = this.options;
    const token = await session?.token();
    const answer = await this.once(url, init, token, signal);
    if (answer.status !== 401 || !session || token === undefined) return answer;
    const renewed = await session.renew(token);
    if (renewed === undefined) return answer;
    return this.once(url, init, renewed, signal);
  }

  private async once(
    url: string,
    init: RequestInit,
    token: string | undefined,
    signal?: AbortSignal,
  ): Promise<Response> {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
    const limit = AbortSignal.timeout(this.timeoutMs);
    const either = signal ? AbortSignal.any([signal, limit]) : limit;
    try {
      const send = this.options.fetch ?? fetch;
      // What was changed is read as it is now: the browser's cache asks about its answer first, and
      // has no part in what a caller asks with a tag of its own.
      const cache = headers.has('If-None-Match') ? 'no-store' : 'no-cache';
      return await send(url, { ...init, headers, cache, signal: either });
    } catch (error) {
      if (signal?.aborted) throw error;
      if (limit.aborted) {
        throw localProblem('timeout', 'No answer', 'The service did not answer in time.', {
          cause: error,
        });
      }
      throw localProblem('no_connection', 'No connection', 'The service cannot be reached.', {
        cause: error,
      });
    }
  }
}

/** A new idempotency key. */
export function newKey(): string {
  return crypto.randomUUID();
}

/** Waits, unless the signal ends it. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done() {
      signal?.removeEventListener('abort', aborted);
      resolve();
    }
    function aborted() {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    if (signal?.aborted) aborted();
    else signal?.addEventListener('abort', aborted, { once: true });
  });
}

/** The JSON of an answer, or `undefined` if it has no body. */
export async function readJson(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    const type = answer.headers.get('Content-Type') ?? 'no content type';
    throw localProblem(
      'not_json',
      'The answer cannot be read',
      `The service answered ${answer.status} with something that is no JSON (${type}).`,
      { cause: error },
    );
  }
}
