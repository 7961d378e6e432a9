import type { WebhookEvent } from './types.ts';

/** The headers of a request, as `fetch` or as Node has them. */
export type ReceivedHeaders = Headers | Record<string, string | string[] | undefined>;

/** Why a request is not taken for an event of the API: answer it with 400. */
export class UnverifiedWebhook extends Error {
  override readonly name = 'UnverifiedWebhook';
}

const TOLERANCE_S = 300;
const SECRET_PREFIX = 'whsec_';
const SIGNATURE_PREFIX = 'v1,';

/**
 * The event in a request to a webhook, by the rules of Standard Webhooks: signed with `secret`
 * (`whsec_...`), and sent at most five minutes ago. `body` is the body as it was received, before
 * it is parsed. One event may come twice: ignore a `webhook-id` that you have seen.
 *
 * Throws an `UnverifiedWebhook` that says what is wrong with the request, and a `TypeError` if
 * `secret` is no secret.
 */
export async function verifyWebhook(
  secret: string,
  headers: ReceivedHeaders,
  body: string | ArrayBuffer | Uint8Array,
): Promise<WebhookEvent> {
  const key = await keyOf(secret);
  const id = header(headers, 'webhook-id');
  const sentAt = header(headers, 'webhook-timestamp');
  const signatures = header(headers, 'webhook-signature');
  if (!/^\d{1,12}$/.test(sentAt)) {
    throw new UnverifiedWebhook(`webhook-timestamp is no number of seconds: ${sentAt}`);
  }
  const agoS = Date.now() / 1000 - Number(sentAt);
  if (Math.abs(agoS) > TOLERANCE_S) {
    const when = agoS > 0 ? 'ago' : 'in the future';
    throw new UnverifiedWebhook(
      `the request was sent ${Math.round(Math.abs(agoS))} s ${when}, more than ${TOLERANCE_S} s`,
    );
  }
  const received = typeof body === 'string' ? encode(body) : new Uint8Array(body);
  const signed = joined(encode(`${id}.${sentAt}.`), received);
  if (!(await isSignedBy(key, signatures, signed))) {
    throw new UnverifiedWebhook('no signature in webhook-signature fits the body and the secret');
  }
  try {
    return JSON.parse(new TextDecoder().decode(received)) as WebhookEvent;
  } catch (error) {
    throw new UnverifiedWebhook('the body is no JSON', { cause: error });
  }
}

function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = secret.startsWith(SECRET_PREFIX) && fromBase64(secret.slice(SECRET_PREFIX.length));
  // The secret stays out of the message, which may be logged.
  if (!bytes || bytes.length === 0) throw new TypeError('the secret of a webhook is whsec_...');
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'verify',
  ]);
}

/** While a secret is replaced there are two signatures. `verify` compares in constant time. */
async function isSignedBy(
  key: CryptoKey,
  signatures: string,
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  for (const one of signatures.split(' ')) {
    const given =
      one.startsWith(SIGNATURE_PREFIX) && fromBase64(one.slice(SIGNATURE_PREFIX.length));
    if (given && (await crypto.subtle.verify('HMAC', key, given, signed))) return true;
  }
  return false;
}

function header(headers: ReceivedHeaders, name: string): string {
  const found = isFetched(headers)
    ? headers.get(name)
    : Object.entries(headers).find(([key, value]) => value && key.toLowerCase() === name)?.[1];
  const text = Array.isArray(found) ? found.join(' ') : found;
  if (!text) throw new UnverifiedWebhook(`the header ${name} is missing`);
  return text;
}

function isFetched(headers: ReceivedHeaders): headers is Headers {
  return typeof headers.get === 'function';
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

/** The bytes of a text in base64, or `undefined` if it is none. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), one => one.charCodeAt(0));
  } catch {
    return undefined;
  }
}
