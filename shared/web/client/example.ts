// The code that README.md quotes. A test runs it, and compares it with what is quoted.
import {
  type Client,
  contentTypeOf,
  createClient,
  everyItem,
  fixedToken,
  type Generation,
  isProblem,
  type Me,
  type Money,
  sendFile,
  UnverifiedWebhook,
  verifyWebhook,
} from '@prolight/client';

export function connect(baseUrl: string, token: string): Client {
  return createClient({ baseUrl, session: fixedToken(token) });
}

export async function makePicture({ api, wait }: Client): Promise<Generation> {
  const { data: asked } = await api.POST('/api/v1/generations', {
    body: {
      prompt: 'a bottle on slate',
      lighting: { lights: [{ role: 'key' }] },
      camera: { aperture: 8 },
    },
  });
  if (!asked) throw new Error('the answer is empty');
  return wait(asked.id, { signal: AbortSignal.timeout(10 * 60_000) });
}

export async function makeAtOnce({ api, wait }: Client, prompt: string): Promise<Generation> {
  const { data: made, response } = await api.POST('/api/v1/generations', {
    params: { header: { Prefer: 'wait=20' } },
    body: { prompt },
  });
  if (!made) throw new Error('the answer is empty');
  return response.status === 201 ? made : wait(made.id);
}

export async function everyPrompt({ api }: Client): Promise<string[]> {
  const page = async (cursor: string | undefined) => {
    const { data } = await api.GET('/api/v1/generations', { params: { query: { cursor } } });
    if (!data) throw new Error('the answer is empty');
    return data;
  };
  const prompts: string[] = [];
  for await (const it of everyItem(page)) prompts.push(it.prompt ?? '');
  return prompts;
}

export async function addFile({ api }: Client, id: string, file: Blob): Promise<string> {
  const { data: form } = await api.POST('/api/v1/marketplace/listings/{id}/uploads', {
    params: { path: { id } },
    body: {
      purpose: 'asset',
      content_type: contentTypeOf(file),
      bytes: file.size,
      file_name: 'light.zip',
    },
  });
  if (!form) throw new Error('the answer is empty');
  await sendFile(form, file);
  return form.id;
}

export async function rename({ api }: Client, display_name: string): Promise<string> {
  try {
    await api.PATCH('/api/v1/me', { body: { display_name } });
    return 'renamed';
  } catch (error) {
    if (isProblem(error, 'invalid_request')) {
      return error.field('/display_name') ?? error.detail;
    }
    if (isProblem(error) && error.retryAfterS) return `again in ${error.retryAfterS} s`;
    if (isProblem(error, 'no_connection')) return `not reached: ${error.cause}`;
    throw error;
  }
}

export async function describeMyself({ transport }: Client, bio: string): Promise<Me> {
  const seen = await transport.send<Me>('GET', '/api/v1/me');
  const { etag = '' } = seen;
  const changed = await transport.readIfChanged<Me>('/api/v1/me', etag);
  const me = changed ?? seen;
  const headers = { 'If-Match': me.etag ?? etag };
  await transport.send('PATCH', '/api/v1/me', { body: { bio }, headers });
  return me.data;
}

export async function receive(
  request: Request,
  secret: string,
  onPaid: (payout: string, amount: Money) => void,
): Promise<Response> {
  try {
    const event = await verifyWebhook(secret, request.headers, await request.arrayBuffer());
    if (event.type === 'payout.paid') onPaid(event.data.id, event.data.amount);
    return new Response(null, { status: 204 });
  } catch (error) {
    if (error instanceof UnverifiedWebhook) return new Response(error.message, { status: 400 });
    throw error;
  }
}
