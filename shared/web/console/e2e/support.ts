import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { type APIRequestContext, test as base, expect, type Page } from '@playwright/test';
import type { OwnListing } from '@prolight/client';

export const SANDBOX = process.env.SANDBOX_URL ?? 'http://127.0.0.1:4570';
export const API = process.env.PROLIGHT_API_URL ?? '';
const PICTURES = join(import.meta.dirname, '../../../../.local/console-pictures');

/** A page that fails its test when a script fails or the security policy is broken. */
export const test = base.extend<{ complaints: string[] }>({
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      watch(page, complaints);
      await use(complaints);
      expect(complaints, 'errors in the console of the browser').toEqual([]);
    },
    { auto: true },
  ],
});
export { expect };

export function watch(page: Page, complaints: string[]): void {
  page.on('pageerror', error => complaints.push(`${error.name}: ${error.message}`));
  page.on('console', message => {
    const text = message.text();
    // The browser itself reports every answer of 400 and more; tests look at what the page says.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) {
      complaints.push(text);
    }
  });
}

/** A person of this test alone. */
export function somebody(name: string): string {
  return `${name}-${Date.now().toString(36)}${Math.floor(Math.random() * 1296).toString(36)}`;
}

/** What a person's program asks the API: for what a test needs and is not about. */
export async function ask<T>(
  request: APIRequestContext,
  person: string,
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  data?: object,
): Promise<T> {
  const form = { grant_type: 'password', username: `${person}@prolight.test` };
  const signedIn = await request.post(`${SANDBOX}/token`, { form });
  const { access_token } = (await signedIn.json()) as { access_token: string };
  const headers = {
    Authorization: `Bearer ${access_token}`,
    ...(method === 'POST' ? { 'Idempotency-Key': crypto.randomUUID() } : {}),
  };
  const answer = await request.fetch(`${API}${path}`, { method, headers, data });
  if (!answer.ok()) throw new Error(`${method} ${path}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** A draft of a lighting rig that a creator sells, made by their program. */
export function draftListing(
  request: APIRequestContext,
  maker: string,
  title: string,
): Promise<Pick<OwnListing, 'id'>> {
  return ask(request, maker, 'POST', '/api/v1/marketplace/listings', {
    type: 'lighting_preset',
    title,
    description: 'One hard light from the side, and a dark wall behind.',
    category: 'portrait',
    tags: ['hard', 'dark'],
    price: { amount: 700, currency: 'usd' },
    content: {
      lighting: {
        lights: [{ role: 'key', azimuth: -60 }],
        backdrop: { colour: 'charcoal' },
      },
    },
  });
}

/** Prints a number that is measured and not asserted: it is of the machine as much as of the code. */
export function measured(text: string): void {
  process.stdout.write(`     ${text}\n`);
}

/** Signs in on the issuer's page, from wherever the page is. */
export async function signIn(page: Page, person: string): Promise<void> {
  await page.getByRole('button', { name: 'Sign in', exact: true }).first().click();
  await page.waitForURL(url => url.origin === new URL(SANDBOX).origin);
  await page.getByLabel('Somebody else').fill(person);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL(url => url.origin !== new URL(SANDBOX).origin);
  await expect(page.getByRole('button', { name: 'You' })).toBeVisible();
}

/** Accessible, and a picture at both widths. */
export async function look(page: Page, name: string): Promise<void> {
  const before = page.viewportSize();
  for (const toast of await page.getByRole('button', { name: 'Dismiss' }).all()) {
    await toast.click({ timeout: 2_000 }).catch(() => undefined);
  }
  await expect(page.getByRole('button', { name: 'Dismiss' })).toHaveCount(0);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: width === 360 ? 760 : 800 });
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.waitForTimeout(150);
    await page.screenshot({ path: `${PICTURES}/${name}-${width}.png`, fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect.soft(wide, `${name} is as wide as the window of ${width}`).toBeLessThanOrEqual(width);
    await accessible(page, `${name} at ${width}`);
  }
  if (before) await page.setViewportSize(before);
}

export async function accessible(page: Page, name: string): Promise<void> {
  const found = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze();
  const lines = found.violations.flatMap(rule =>
    rule.nodes
      .slice(0, 4)
      .map(node => `${rule.id}: ${node.target.join(' ')}: ${node.html.slice(0, 140)}`),
  );
  expect.soft(lines, `axe: ${name}`).toEqual([]);
}
