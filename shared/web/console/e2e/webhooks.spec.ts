import { createHmac } from 'node:crypto';
import type { APIRequestContext } from '@playwright/test';
import { accessible, expect, look, SANDBOX, signIn, somebody, test } from './support.ts';

interface Received {
  headers: Record<string, string>;
  body: string;
}

/** What a server of the member was sent, the oldest first. */
async function received(request: APIRequestContext, name: string): Promise<Received[]> {
  const answer = await request.get(`${SANDBOX}/_sandbox/hooks/${name}`);
  return ((await answer.json()) as { items: Received[] }).items;
}

/** The signature of Standard Webhooks over a request. */
function signature({ headers, body }: Received, secret: string): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  return `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
}

test('a member’s server gets an event, and gets it again', async ({ page, request }) => {
  test.setTimeout(180_000);
  const name = somebody('receiver');
  const url = `${SANDBOX}/hooks/${name}`;
  await page.goto('/account?tab=webhooks');
  await signIn(page, name);
  await expect(page.getByText('No webhook yet', { exact: false })).toBeVisible();
  await look(page, 'account-webhooks-empty');

  await page.getByRole('button', { name: 'New webhook' }).click();
  const form = page.getByRole('dialog');
  // What is wrong is said at the field.
  await form.getByRole('textbox', { name: 'Address' }).fill('http://example.com/');
  await form.getByRole('button', { name: 'Add the webhook' }).click();
  await expect(form.getByRole('textbox', { name: 'Address' })).toHaveAttribute(
    'aria-invalid',
    'true',
  );
  await form.getByRole('textbox', { name: 'Address' }).fill(url);
  await form.getByRole('textbox', { name: 'Note' }).fill('The render farm');
  await form.getByRole('checkbox', { name: 'Credits are low' }).check();
  await look(page, 'account-webhooks-new');
  await form.getByRole('button', { name: 'Add the webhook' }).click();
  const shown = page.getByRole('dialog', { name: 'The signing secret' });
  const secret = (await shown.locator('code').textContent()) ?? '';
  expect(secret).toMatch(/^whsec_/);
  await shown.getByRole('button', { name: 'I have kept it' }).click();

  const webhook = page.getByRole('article', { name: url });
  await webhook.getByRole('button', { name: 'Send a test event' }).click();
  await expect(webhook.getByText('Delivered')).toBeVisible({ timeout: 60_000 });
  const [first] = await received(request, name);
  if (!first) throw new Error('the receiver was sent nothing');
  expect(JSON.parse(first.body)).toMatchObject({ type: 'webhook.test' });
  expect(first.headers['webhook-signature']?.split(' ')).toContain(signature(first, secret));
  await look(page, 'account-webhooks');

  await webhook.getByRole('button', { name: 'Send again' }).click();
  await expect
    .poll(async () => (await received(request, name)).map(it => it.headers['webhook-id']))
    .toEqual([first.headers['webhook-id'], first.headers['webhook-id']]);

  // A receiver that fails is tried again later, and the log says what it answered.
  await request.put(`${SANDBOX}/_sandbox/hooks/${name}`, {
    data: { status: 503, body: 'Back at noon.' },
  });
  await webhook.getByRole('button', { name: 'Send a test event' }).click();
  await expect(webhook.getByText('Waiting')).toBeVisible({ timeout: 60_000 });
  await expect(webhook.getByText('the last answered 503', { exact: false })).toBeVisible();
  await webhook.getByText('What it said').click();
  await expect(webhook.getByText('Back at noon.')).toBeVisible();
  await look(page, 'account-webhooks-waiting');
  await page.getByRole('button', { name: 'Use the light theme' }).click();
  await accessible(page, 'webhooks in the light theme');

  await webhook.getByRole('button', { name: 'Replace the secret' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Replace the secret' }).click();
  const replaced = page.getByRole('dialog', { name: 'The signing secret' });
  await expect(replaced.locator('code')).toHaveText(/^whsec_/);
  expect(await replaced.locator('code').textContent()).not.toBe(secret);
  await replaced.getByRole('button', { name: 'I have kept it' }).click();
  await expect(webhook.getByText('The secret before the present one')).toBeVisible();

  await webhook.getByRole('button', { name: 'Change' }).click();
  await page.getByRole('checkbox', { name: 'Credits are low' }).uncheck();
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await expect(
    webhook.getByRole('list', { name: 'Events' }).getByText('Credits are low'),
  ).toHaveCount(0);
  // By keyboard.
  await webhook.getByRole('switch', { name: 'Send events' }).focus();
  await page.keyboard.press('Space');
  await expect(webhook.getByText('You disabled it.', { exact: false })).toBeVisible();
  await webhook.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('No webhook yet', { exact: false })).toBeVisible();
});
