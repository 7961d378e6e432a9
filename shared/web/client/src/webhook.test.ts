// @vitest-environment node
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import type { Money, WebhookEvent } from './types.ts';
import { type ReceivedHeaders, UnverifiedWebhook, verifyWebhook } from './webhook.ts';

// Made with the Python code in functions/README.md, which accepts it.
const SECRET = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const SIGNATURE = 'v1,BB0BzIWsqfQuEhRUK2kbbvPmgfSi2q/JFjWwzJ7U7Y4=';
const SENT_AT = 1_796_065_132;
const BODY =
  '{"type":"payout.paid","timestamp":"2026-11-30T18:58:52.331Z","data":{"id":"pay_01M8MW0N00WPC1ZTY36D56JWC3","amount":{"amount":5200,"currency":"usd"},"note":"für Zoë – 写真"}}';
const HEADERS = {
  'webhook-id': 'evt_01M8PX5JEB6DRN9XDM0ZCGMGAD',
  'webhook-timestamp': String(SENT_AT),
  'webhook-signature': SIGNATURE,
};
const OTHER = `v1,${btoa('x'.repeat(32))}`;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: (SENT_AT + 1) * 1000 });
});
afterEach(() => {
  vi.useRealTimers();
});

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((refused: unknown) => refused);
  if (!(error instanceof UnverifiedWebhook)) throw new Error(`not refused: ${String(error)}`);
  return error.message;
}

/** The refusal of the request with these headers. */
function refused(headers: ReceivedHeaders, body = BODY): Promise<string> {
  return refusalOf(verifyWebhook(SECRET, { ...HEADERS, ...headers }, body));
}

describe('a webhook', () => {
  it.each([
    ['the headers of Node and a text', HEADERS, BODY],
    ['the headers of fetch and bytes', new Headers(HEADERS), new TextEncoder().encode(BODY)],
    ['a buffer', HEADERS, new TextEncoder().encode(BODY).buffer],
    [
      'names in capitals',
      { ...HEADERS, 'webhook-id': undefined, 'Webhook-Id': HEADERS['webhook-id'] },
      BODY,
    ],
  ])('is read from %s', async (_, headers, body) => {
    const event = await verifyWebhook(SECRET, headers, body);
    expect(event).toEqual(JSON.parse(BODY));
  });

  it('is a part of a larger buffer', async () => {
    const whole = new TextEncoder().encode(`--${BODY}--`);
    const part = whole.subarray(2, whole.length - 2);
    expect((await verifyWebhook(SECRET, HEADERS, part)).type).toBe('payout.paid');
  });

  it.each([`${OTHER} ${SIGNATURE}`, `${SIGNATURE} ${OTHER}`, `v1a,abc v1,%% ${SIGNATURE}`])(
    'needs one signature of several: %s',
    async signatures => {
      const headers = { ...HEADERS, 'webhook-signature': signatures };
      expect((await verifyWebhook(SECRET, headers, BODY)).type).toBe('payout.paid');
    },
  );

  it.each([-300, 300])('may be %i s old', async ageS => {
    vi.setSystemTime((SENT_AT + ageS) * 1000);
    expect((await verifyWebhook(SECRET, HEADERS, BODY)).type).toBe('payout.paid');
  });

  it.each([
    [301, 'the request was sent 301 s ago, more than 300 s'],
    [-301, 'the request was sent 301 s in the future, more than 300 s'],
  ])('may not be %i s old', async (ageS, why) => {
    vi.setSystemTime((SENT_AT + ageS) * 1000);
    expect(await refused({})).toBe(why);
  });

  it.each([
    ['another body', {}, BODY.replace('5200', '5201')],
    ['the same body written otherwise', {}, JSON.stringify(JSON.parse(BODY), null, 1)],
    ['another id', { 'webhook-id': 'evt_2' }, BODY],
    ['another time', { 'webhook-timestamp': String(SENT_AT + 1) }, BODY],
    ['another signature', { 'webhook-signature': OTHER }, BODY],
    ['a signature of another version', { 'webhook-signature': `v2${SIGNATURE.slice(2)}` }, BODY],
    ['a part of a signature', { 'webhook-signature': SIGNATURE.slice(0, -4) }, BODY],
    ['no base64', { 'webhook-signature': 'v1,%%' }, BODY],
  ])('with %s is refused', async (_, headers, body) => {
    expect(await refused(headers, body)).toMatch(/^no signature/);
  });

  it('signed with another secret is refused', async () => {
    const other = `whsec_${btoa('y'.repeat(32))}`;
    expect(await refusalOf(verifyWebhook(other, HEADERS, BODY))).toMatch(/^no signature/);
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'without %s is refused',
    async name => {
      expect(await refused({ [name]: undefined })).toBe(`the header ${name} is missing`);
    },
  );

  it.each(['soon', '-1', '1e9', '1796065132.5'])('sent at %s is refused', async time => {
    expect(await refused({ 'webhook-timestamp': time })).toMatch(/no number of seconds/);
  });

  it.each(['', 'secret', 'whsec_', 'whsec_%%', SECRET.slice(6)])(
    'cannot be verified with %j, and the error does not repeat it',
    async secret => {
      const error = await verifyWebhook(secret, HEADERS, BODY).catch((it: unknown) => it);
      expect(error).toEqual(new TypeError('the secret of a webhook is whsec_...'));
    },
  );

  it('that is no JSON is refused', async () => {
    const headers = {
      ...HEADERS,
      'webhook-signature': 'v1,Tj2N8iKOA9uvEV/775DGzeBcIObwB+wMBgsCfErQRNM=',
    };
    expect(await refusalOf(verifyWebhook(SECRET, headers, 'no JSON'))).toBe('the body is no JSON');
  });

  it('has the data of its type', () => {
    type Of<T> = Extract<WebhookEvent, { type: T }>['data'];
    expectTypeOf<Of<'payout.paid'>['amount']>().toEqualTypeOf<Money>();
    expectTypeOf<Of<'sale.created'>['net']>().toEqualTypeOf<Money>();
    expectTypeOf<WebhookEvent['timestamp']>().toEqualTypeOf<string>();
  });
});
