// What a program does with the client: sign in, generate, follow, download. Against the local stack:
//   source .local/env && node shared/web/client/journey.ts
import { createHash } from 'node:crypto';
import { createClient, everyItem, type Generation, isProblem } from './src/index.ts';

const { PROLIGHT_API_URL: baseUrl = '', SANDBOX_URL: issuer = '' } = process.env;

/** A token for somebody new: a program of one's own asks its issuer. */
async function token(): Promise<string> {
  const username = `node-${Date.now().toString(36)}@prolight.test`;
  const body = new URLSearchParams({ grant_type: 'password', username });
  const answer = await fetch(`${issuer}/token`, { method: 'POST', body });
  return ((await answer.json()) as { access_token: string }).access_token;
}

const bearer = await token();
const { api, transport, wait } = createClient({
  baseUrl,
  session: { token: async () => bearer, renew: async () => undefined },
});

const { data: before } = await api.GET('/api/v1/me');
const { data: asked } = await api.POST('/api/v1/generations', {
  body: { prompt: 'a bottle on slate' },
});
if (!before || !asked) throw new Error('nothing was answered');
const made = await wait(asked.id, {
  onProgress: it => process.stdout.write(`${it.id} ${it.status}\n`),
});
if (!made.image) throw new Error(`it ended as ${made.status}`);
const bytes = new Uint8Array(await (await fetch(made.image.url)).arrayBuffer());
const sha256 = createHash('sha256').update(bytes).digest('hex');
if (sha256 !== made.image.sha256) throw new Error('the picture is not the one that was made');

const all: string[] = [];
const page = async (cursor: string | undefined) =>
  (
    await transport.send<{ items: Generation[]; next_cursor: string | null }>(
      'GET',
      '/api/v1/generations',
      { query: { limit: 1, cursor } },
    )
  ).data;
for await (const it of everyItem(page)) all.push(it.id);
if (all.join() !== asked.id) throw new Error(`the list has ${all.join()}`);

const { data: after } = await api.GET('/api/v1/me');
const left = before.credits.available;
if (left === null || after?.credits.available !== left - 1) throw new Error('no credit was spent');
const refused = await api
  .POST('/api/v1/generations', { body: {} })
  .catch((error: unknown) => error);
if (!isProblem(refused, 'invalid_request')) throw new Error(`not refused: ${String(refused)}`);
process.stdout.write('1 passed, 0 failed\n');
