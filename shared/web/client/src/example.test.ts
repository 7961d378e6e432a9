// @vitest-environment node

import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  addFile,
  connect,
  describeMyself,
  everyPrompt,
  makeAtOnce,
  makePicture,
  receive,
  rename,
} from '../example.ts';
import { type Client, createClient } from './client.ts';
import { isProblem, type Problem } from './problem.ts';

interface Asked {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}
interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A service at a real port, which gives these replies in order and tells what it was asked. */
async function service(...replies: (Reply | ((asked: Asked) => Reply))[]) {
  const asked: Asked[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    const { method = '', url = '', headers } = request;
    const one = { method, url, headers, body };
    asked.push(one);
    const next = replies.shift() ?? { status: 404 };
    const reply = typeof next === 'function' ? next(one) : next;
    response.writeHead(reply.status ?? 200, reply.headers);
    const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
    response.end(reply.body === undefined ? undefined : text);
  });
  servers.push(server);
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { asked, url, client: connect(url, 'plk_1') };
}

async function refusalOf(work: Promise<unknown>): Promise<Problem> {
  const error = await work.catch((refused: unknown) => refused);
  if (!isProblem(error)) throw new Error(`no problem: ${String(error)}`);
  return error;
}

const ID = 'gen_01JD0000000000000000000000';

describe('the README', () => {
  it('quotes the example', () => {
    const here = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
    const quoted = [...here('README.md').matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
    expect(quoted).toHaveLength(8);
    const example = here('example.ts');
    for (const code of quoted) expect(example).toContain(code);
  });
});

describe('the example', () => {
  it('makes a picture with an API key, and waits while the service holds the request', async () => {
    const { client, asked } = await service(
      { status: 202, body: { id: ID, status: 'queued' } },
      { body: { id: ID, status: 'succeeded' } },
    );
    expect((await makePicture(client)).status).toBe('succeeded');
    expect(asked.map(one => [one.method, one.url, one.headers.authorization])).toEqual([
      ['POST', '/api/v1/generations', 'Bearer plk_1'],
      ['GET', `/api/v1/generations/${ID}?wait=20`, 'Bearer plk_1'],
    ]);
    expect(asked[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ['that is made within the time', 201, 1],
    ['that takes longer', 202, 2],
  ])('makes a picture in one request, and waits for one %s', async (_, status, requests) => {
    const { client, asked } = await service(
      { status, body: { id: ID, status: status === 201 ? 'succeeded' : 'submitted' } },
      { body: { id: ID, status: 'succeeded' } },
    );
    expect((await makeAtOnce(client, 'a bottle')).status).toBe('succeeded');
    expect(asked).toHaveLength(requests);
    expect(asked[0]?.headers.prefer).toBe('wait=20');
    expect(asked[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('reads every page', async () => {
    const { client, asked } = await service(
      { body: { items: [{ prompt: 'one' }], next_cursor: 'b' } },
      { body: { items: [{ prompt: 'two' }], next_cursor: null } },
    );
    expect(await everyPrompt(client)).toEqual(['one', 'two']);
    expect(asked.map(one => one.url)).toEqual([
      '/api/v1/generations',
      '/api/v1/generations?cursor=b',
    ]);
  });

  it('sends a file where there is no XMLHttpRequest, without the token', async () => {
    const storage = await service({ status: 204 });
    const form = { id: 'upl_1', url: storage.url, fields: { key: 'k', policy: 'p' } };
    const { client } = await service({ status: 201, body: form });
    const file = new Blob(['abc'], { type: 'application/zip' });
    expect(await addFile(client, 'lst_1', file)).toBe('upl_1');
    const [sent] = storage.asked;
    const names = [...(sent?.body.matchAll(/ name="(\w+)"/g) ?? [])].map(([, name]) => name);
    expect([names, sent?.headers.authorization]).toEqual([['key', 'policy', 'file'], undefined]);
  });

  it.each([
    [{ status: 200, body: {} }, 'renamed'],
    [
      {
        status: 422,
        body: {
          title: 'No',
          code: 'invalid_request',
          errors: [{ pointer: '/display_name', code: 'long', detail: 'It is too long.' }],
        },
      },
      'It is too long.',
    ],
    [
      {
        status: 429,
        headers: { 'Retry-After': '60' },
        body: { title: 'No', code: 'rate_limited' },
      },
      'again in 60 s',
    ],
  ])('tells problems apart (%#)', async (reply, said) => {
    const { client } = await service(reply);
    expect(await rename(client, 'Kim')).toBe(said);
  });

  it('says why there is no connection', async () => {
    const client = connect('http://127.0.0.1:1', 'plk_1');
    expect(await rename(client, 'Kim')).toMatch(/^not reached: TypeError/);
  });

  it.each([
    ['as it was', { status: 304 }, 'a', '"1"'],
    ['as it is now', { headers: { ETag: '"2"' }, body: { bio: 'b' } }, 'b', '"2"'],
  ])('changes itself %s', async (_, second, bio, tag) => {
    const { client, asked } = await service(
      { headers: { ETag: '"1"' }, body: { bio: 'a' } },
      second,
      { body: {} },
    );
    expect((await describeMyself(client, 'c')).bio).toBe(bio);
    expect(asked[1]?.headers['if-none-match']).toBe('"1"');
    expect(asked[2]?.headers['if-match']).toBe(tag);
  });
});

describe('the receiver of the example', () => {
  const key = Buffer.from('k'.repeat(32));
  const secret = `whsec_${key.toString('base64')}`;
  const amount = { amount: 5200, currency: 'usd' };
  const body = JSON.stringify({ type: 'payout.paid', data: { id: 'pay_1', amount } });

  /** What it answers to this body, and what it took from it. */
  async function received(sent: string) {
    const sentAt = Math.floor(Date.now() / 1000);
    const signature = createHmac('sha256', key).update(`evt_1.${sentAt}.${body}`).digest('base64');
    const headers = {
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(sentAt),
      'webhook-signature': `v1,${signature}`,
    };
    const paid: unknown[] = [];
    const request = new Request('https://shop.example', { method: 'POST', headers, body: sent });
    const answer = await receive(request, secret, (...one) => paid.push(one));
    return { status: answer.status, paid };
  }

  it('takes what is signed, and nothing else', async () => {
    expect(await received(body)).toEqual({ status: 204, paid: [['pay_1', amount]] });
    expect(await received(`${body} `)).toEqual({ status: 400, paid: [] });
  });
});

describe('an answer', () => {
  const CSV: Reply = { headers: { 'Content-Type': 'text/csv' }, body: 'day,amount\n' };
  const report = (client: Client, more: object = {}) =>
    client.api.GET('/api/v1/admin/revenue/reports/{date}', {
      params: { path: { date: '2026-11-21' } },
      ...more,
    });

  it('is asked for as JSON, however it is asked for', async () => {
    const { client, asked } = await service({ body: {} }, { body: {} }, { body: {} });
    await report(client);
    await client.transport.send('GET', '/api/v1/me');
    await report(client, { headers: { Accept: 'text/csv' } });
    expect(asked.map(one => one.headers.accept)).toEqual([
      'application/json',
      'application/json',
      'text/csv',
    ]);
  });

  it('that is no JSON is a problem, unless the caller asks for a text', async () => {
    const file: Reply = { status: 302, headers: { Location: '/file.csv' } };
    const { client } = await service(file, CSV, CSV, file, CSV);
    const problem = await refusalOf(report(client));
    expect([problem.code, problem.detail]).toEqual([
      'not_json',
      'The service answered 200 with something that is no JSON (text/csv).',
    ]);
    expect(problem.cause).toBeInstanceOf(SyntaxError);
    expect((await refusalOf(client.transport.send('GET', '/a'))).code).toBe('not_json');
    expect((await report(client, { parseAs: 'text' })).data).toBe('day,amount\n');
  });

  it('of 304 has no body and is not thrown', async () => {
    const { client } = await service({ status: 304 }, { status: 304, headers: { ETag: '"1"' } });
    const headers = { 'If-None-Match': '"1"' };
    const { data, response } = await client.api.GET('/api/v1/me', { headers });
    expect([data, response.status]).toEqual([undefined, 304]);
    const answer = await client.transport.send('GET', '/api/v1/me', { headers });
    expect([answer.data, answer.status, answer.etag]).toEqual([undefined, 304, '"1"']);
  });
});

describe('waiting for a generation', () => {
  it.each(['../me', '..', '', 'gen_1', `${ID}/cancel`, `${ID}?x=1`])(
    'refuses %j, which is no id',
    async id => {
      const { client, asked } = await service({ body: {} });
      await expect(client.wait(id)).rejects.toThrow(TypeError);
      expect(asked).toEqual([]);
    },
  );

  it('ends with an end that this client does not know', async () => {
    const open = { id: ID, status: 'resting' };
    const ended = { id: ID, status: 'expired', finished_at: '2026-11-22T09:00:00.000Z' };
    const { client, asked } = await service({ body: open }, { body: ended });
    expect(await client.wait(ID)).toEqual(ended);
    expect(asked).toHaveLength(2);
  });

  it('ends at its limit, and with its signal', async () => {
    const open = { body: { id: ID, status: 'queued' } };
    const { client } = await service(open, open);
    expect((await refusalOf(client.wait(ID, { limitMs: 100 }))).code).toBe('still_open');
    const left = new AbortController();
    const onProgress = () => left.abort(new Error('left'));
    await expect(client.wait(ID, { signal: left.signal, onProgress })).rejects.toThrow('left');
  });

  it('lets the service hold a request for less than an attempt may take', async () => {
    const { asked, url } = await service({ body: { id: ID, status: 'failed' } });
    await createClient({ baseUrl: url, timeoutMs: 8_000 }).wait(ID);
    expect(asked[0]?.url).toBe(`/api/v1/generations/${ID}?wait=3`);
  });
});
