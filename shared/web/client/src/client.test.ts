import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { everyItem } from './pages.ts';
import { isProblem, type Problem } from './problem.ts';
import { NEVER_REPEATED } from './repeats.ts';
import { type Answer, type Options, Transport } from './transport.ts';
import { sendFile } from './upload.ts';
import { waitFor } from './wait.ts';

type Reply = (request: { url: string; init: RequestInit }) => Response | Promise<Response>;

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
  });
}

function refusal(code: string, status: number, more: object = {}, headers = {}): Response {
  return json({ title: 'No', code, status, detail: 'Because.', ...more }, status, headers);
}

/** A transport whose service gives these replies in order; it never waits. */
function transport(replies: Reply[], options: Partial<Options> = {}) {
  const sent: { url: string; method: string; headers: Headers; body: unknown }[] = [];
  const pauses: number[] = [];
  const client = new Transport({
    baseUrl: 'https://api.example/v/',
    pause: async ms => {
      pauses.push(ms);
    },
    fetch: async (url, init = {}) => {
      const headers = new Headers(init.headers);
      sent.push({
        url: String(url),
        method: init.method ?? 'GET',
        headers,
        body: init.body ?? undefined,
      });
      const reply = replies.shift();
      if (!reply) throw new Error('no more replies');
      return reply({ url: String(url), init });
    },
    ...options,
  });
  return { client, sent, pauses };
}

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    () => undefined,
    (refused: unknown) => refused,
  );
  if (!isProblem(error)) throw new Error(`no problem: ${String(error)}`);
  return error;
}

describe('a request', () => {
  it('leaves out what is not set, repeats what is a list, and reads the headers', async () => {
    const { client, sent } = transport([
      () => json({ id: 1 }, 200, { ETag: '"a"', Location: '/x', 'Retry-After': '2' }),
    ]);
    const query = { q: 'a b', free: true, none: undefined, empty: '', type: ['x', 'y'] };
    const answer = await client.send<{ id: number }>('GET', '/api', { query });
    expect(sent[0]?.url).toBe('https://api.example/v/api?q=a+b&free=true&type=x&type=y');
    expect(answer).toEqual({
      data: { id: 1 },
      status: 200,
      etag: '"a"',
      location: '/x',
      retryAfterS: 2,
    });
  });

  it('carries a key of its own if it is a POST, and the caller’s if there is one', async () => {
    const { client, sent } = transport([() => json({}), () => json({}), () => json({})]);
    await client.send('POST', '/a', { body: {} });
    await client.send('POST', '/a', { body: {}, idempotencyKey: 'mine' });
    await client.send('GET', '/a');
    const keys = sent.map(one => one.headers.get('Idempotency-Key'));
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(keys.slice(1)).toEqual(['mine', null]);
  });

  it('keeps its key when it is repeated', async () => {
    const { client, sent, pauses } = transport([
      () => new Response('<html>', { status: 502 }),
      () => refusal('busy', 503, {}, { 'Retry-After': '1' }),
      () => json({ ok: true }),
    ]);
    await client.send('POST', '/a', { body: {} });
    expect(new Set(sent.map(one => one.headers.get('Idempotency-Key'))).size).toBe(1);
    expect(pauses).toEqual([300, 1000]);
  });

  it.each([
    ['a refusal', () => refusal('not_found', 404), 1],
    ['a wait that is too long', () => refusal('limit', 429, {}, { 'Retry-After': '60' }), 1],
    ['three failures', () => refusal('internal', 500), 3],
  ])('is not repeated after %s', async (_, reply, attempts) => {
    const { client, sent } = transport(Array.from({ length: 5 }, () => reply));
    await problemOf(client.send('GET', '/a'));
    expect(sent).toHaveLength(attempts);
  });

  it('tells the caller how long to wait, in seconds or until a time', async () => {
    const until = new Date(Date.now() + 90_000).toUTCString();
    const { client } = transport([
      () => refusal('limit', 429, {}, { 'Retry-After': '60' }),
      () => refusal('limit', 429, {}, { 'Retry-After': until }),
    ]);
    expect((await problemOf(client.send('GET', '/a'))).retryAfterS).toBe(60);
    const { retryAfterS } = await problemOf(client.send('GET', '/a'));
    expect(retryAfterS).toBeGreaterThan(80);
    expect(retryAfterS).toBeLessThanOrEqual(90);
  });

  it('is not repeated if it has no key', async () => {
    const { client, sent } = transport([() => refusal('internal', 500), () => json({})]);
    await problemOf(client.send('PATCH', '/a', { body: {} }));
    expect(sent).toHaveLength(1);
  });
});

describe('a POST that ignores its key', () => {
  /** What a repeat of them does, by the document: nothing more, or it opens another page of Stripe's. */
  const HARMLESS = [
    '/api/v1/admin/marketplace/listings/{id}/delist',
    '/api/v1/admin/marketplace/listings/{id}/reviews/{review_id}/remove',
    '/api/v1/admin/purchases/{id}/paid-back',
    '/api/v1/admin/purchases/{id}/refund/decline',
    '/api/v1/admin/users/{id}/appeals/{appeal_id}/resolve',
    '/api/v1/billing/portal',
    '/api/v1/billing/subscription/cancel',
    '/api/v1/marketplace/creator/onboarding',
    '/api/v1/marketplace/listings/{id}/flags',
    '/api/v1/marketplace/listings/{id}/preview',
    '/api/v1/marketplace/listings/{id}/reviews/{review_id}/reply',
    '/api/v1/marketplace/listings/{id}/share',
    '/api/v1/marketplace/listings/{id}/submit',
    '/api/v1/marketplace/purchases/{id}/downloads',
    '/api/v1/marketplace/purchases/{id}/refund',
    '/api/v1/marketplace/reviews',
    '/api/v1/me/appeals',
    '/api/v1/studio/previews',
    '/webhooks/bria',
    '/webhooks/stripe',
  ];

  it('is never repeated, or a repeat of it is harmless', () => {
    const file = join(import.meta.dirname, '../../../contract/openapi.json');
    const { paths } = JSON.parse(readFileSync(file, 'utf8')) as {
      paths: Record<string, { post?: { 'x-idempotency-key': string } }>;
    };
    const all = Object.entries(paths);
    const ignoring = all.filter(([, it]) => it.post?.['x-idempotency-key'] === 'ignored');
    const known = [...NEVER_REPEATED, ...HARMLESS].sort();
    expect(known).toEqual(ignoring.map(([path]) => path).sort());
  });

  it.each([
    ['/api/v1/me/keys', 1],
    ['/api/v1/me/keys?x=/1', 1],
    ['/api/v1/marketplace/listings/lst_1/uploads', 1],
    ['/api/v1/me/webhooks/whk_1/test', 1],
    ['/api/v1/me/webhooks/whk_1/deliveries/evt_1/redeliver', 1],
    ['/api/v1/me/webhooks', 3],
    ['/api/v1/marketplace/listings/lst_1/submit', 3],
    ['/api/v1/generations', 3],
  ])(
    'at %s is sent %i times if no answer arrives, and if the service fails',
    async (path, times) => {
      for (const reply of [
        () => refusal('internal', 503),
        () => Promise.reject(new TypeError('failed to fetch')),
      ]) {
        const { client, sent } = transport(Array.from({ length: 4 }, () => reply));
        expect((await problemOf(client.send('POST', path, { body: {} }))).isTemporary).toBe(true);
        expect(sent).toHaveLength(times);
        const typed = transport(Array.from({ length: 4 }, () => reply));
        const request = new Request(`https://api.example/v${path}`, { method: 'POST', body: '{}' });
        await problemOf(typed.client.fetch(request));
        expect(typed.sent).toHaveLength(times);
      }
    },
  );

  it('does not keep a list of the same path from being read again', async () => {
    const { client, sent } = transport([() => refusal('internal', 503), () => json({})]);
    await client.send('GET', '/api/v1/me/keys');
    expect(sent).toHaveLength(2);
  });
});

describe('a token', () => {
  it('is renewed once when it is refused', async () => {
    const renew = vi.fn(async () => 'new');
    const session = { token: async () => 'old', renew };
    const { client, sent } = transport(
      [() => refusal('unauthenticated', 401), () => json({ me: 1 })],
      { session },
    );
    await client.send('GET', '/me');
    expect(sent.map(one => one.headers.get('Authorization'))).toEqual(['Bearer old', 'Bearer new']);
    expect(renew).toHaveBeenCalledWith('old');
  });

  it.each([
    ['is gone', async () => undefined, 1],
    ['is refused as well', async () => 'new', 2],
  ])('that %s leaves the refusal', async (_, renew, attempts) => {
    const { client, sent } = transport(
      Array.from({ length: 4 }, () => () => refusal('unauthenticated', 401)),
      { session: { token: async () => 'old', renew } },
    );
    expect((await problemOf(client.send('GET', '/me'))).status).toBe(401);
    expect(sent).toHaveLength(attempts);
  });

  it('is not asked for by a visitor', async () => {
    const { client, sent } = transport([() => json({})], {
      session: { token: async () => undefined, renew: async () => undefined },
    });
    await client.send('GET', '/plans');
    expect(sent[0]?.headers.has('Authorization')).toBe(false);
  });
});

describe('a problem', () => {
  it('has the code, the fields and the id of the request', async () => {
    const errors = [{ pointer: '/prompt', code: 'missing', detail: 'Say something.' }];
    const { client } = transport([
      () => refusal('invalid_request', 422, { errors, request_id: 'r-1', missing_credits: 2 }),
    ]);
    const problem = await problemOf(client.send('POST', '/a', { body: {} }));
    expect([problem.code, problem.detail, problem.requestId]).toEqual([
      'invalid_request',
      'Because.',
      'r-1',
    ]);
    expect(problem.field('/prompt')).toBe('Say something.');
    expect(problem.body.missing_credits).toBe(2);
    expect(isProblem(problem, 'invalid_request')).toBe(true);
    expect(isProblem(problem, 'other')).toBe(false);
  });

  it('is made of the status and the headers where there is only a page', async () => {
    const page = () => new Response('<html>', { status: 403, headers: { 'x-request-id': 'r-2' } });
    const { client } = transport([page]);
    const problem = await problemOf(client.send('GET', '/a'));
    expect([problem.code, problem.status, problem.requestId]).toEqual([
      'unreadable_answer',
      403,
      'r-2',
    ]);
  });

  it('says when there is no connection, and is no problem when the caller gave up', async () => {
    const lost = () => Promise.reject(new TypeError('failed to fetch'));
    const { client } = transport([lost, lost, lost]);
    const problem = await problemOf(client.send('GET', '/a'));
    expect([problem.code, problem.detail]).toEqual([
      'no_connection',
      'The service cannot be reached.',
    ]);
    expect(problem.cause).toEqual(new TypeError('failed to fetch'));
    const gone = new AbortController();
    gone.abort();
    const given = transport([() => Promise.reject(gone.signal.reason)]);
    await expect(given.client.send('GET', '/a', { signal: gone.signal })).rejects.toBe(
      gone.signal.reason,
    );
  });
});

describe('waiting', () => {
  const answer = (status: string, retryAfterS?: number): Answer<{ status: string }> => ({
    data: { status },
    status: 200,
    etag: undefined,
    location: undefined,
    retryAfterS,
  });

  it('asks as often as it is told, until the thing is final', async () => {
    const states = [answer('queued', 3), answer('submitted'), answer('succeeded')];
    const seen: string[] = [];
    const pauses: number[] = [];
    const done = await waitFor({
      read: async () => states.shift() ?? answer('lost'),
      isFinal: it => it.status === 'succeeded',
      onProgress: it => seen.push(it.status),
      pause: async ms => {
        pauses.push(ms);
      },
    });
    expect([done.status, seen, pauses]).toEqual([
      'succeeded',
      ['queued', 'submitted', 'succeeded'],
      [3000, 1000],
    ]);
  });

  it('outlives a failure that may pass, and ends with one that does not', async () => {
    const { client } = transport([
      ...Array.from({ length: 3 }, () => () => refusal('internal', 503)),
      () => json({ status: 'queued' }),
      () => refusal('not_found', 404),
    ]);
    const problem = await problemOf(
      waitFor<{ status: string }>({
        read: signal => client.send('GET', '/g', { signal }),
        isFinal: () => false,
        pause: async () => undefined,
      }),
    );
    expect(problem.code).toBe('not_found');
  });

  it('ends with its signal', async () => {
    const signal = AbortSignal.abort(new Error('left'));
    const waiting = waitFor({
      read: async () => answer('queued'),
      isFinal: () => false,
      signal,
    });
    await expect(waiting).rejects.toThrow('left');
  });
});

describe('pages', () => {
  it('are read one after the other, and only as far as the caller goes', async () => {
    const asked: (string | undefined)[] = [];
    const read = async (cursor: string | undefined) => {
      asked.push(cursor);
      const next = cursor === undefined ? 'b' : cursor === 'b' ? 'c' : null;
      return { items: [`${cursor ?? 'a'}1`, `${cursor ?? 'a'}2`], next_cursor: next };
    };
    const all: string[] = [];
    for await (const item of everyItem(read)) all.push(item);
    expect(all).toEqual(['a1', 'a2', 'b1', 'b2', 'c1', 'c2']);
    asked.length = 0;
    for await (const item of everyItem(read)) if (item === 'a2') break;
    expect(asked).toEqual([undefined]);
  });
});

describe('an upload', () => {
  class Exchange {
    static last: Exchange;
    upload: { onprogress?: (event: object) => void } = {};
    onload?: () => void;
    onerror?: () => void;
    onabort?: () => void;
    status = 0;
    responseText = '';
    body: FormData | undefined;
    constructor() {
      Exchange.last = this;
    }
    open() {}
    send(body: FormData) {
      this.body = body;
    }
    abort() {
      this.onabort?.();
    }
    end(status: number, text = '') {
      this.status = status;
      this.responseText = text;
      this.onload?.();
    }
  }
  const form = { url: 'https://bucket.example/', fields: { key: 'k', policy: 'p' } };

  it('sends the file last and tells how much has been sent', async () => {
    vi.stubGlobal('XMLHttpRequest', Exchange);
    const shares: number[] = [];
    const done = sendFile(form, new Blob(['abc']), { onProgress: share => shares.push(share) });
    Exchange.last.upload.onprogress?.({ lengthComputable: true, loaded: 1, total: 4 });
    Exchange.last.end(204);
    await done;
    expect([...(Exchange.last.body?.keys() ?? [])]).toEqual(['key', 'policy', 'file']);
    expect(shares).toEqual([0.25, 1]);
    vi.unstubAllGlobals();
  });

  it('gives the reason of the storage', async () => {
    vi.stubGlobal('XMLHttpRequest', Exchange);
    const refused = problemOf(sendFile(form, new Blob(['abc'])));
    Exchange.last.end(403, '<Error><Message>Your file is too large</Message></Error>');
    expect((await refused).detail).toContain('Your file is too large');
    vi.unstubAllGlobals();
  });
});
