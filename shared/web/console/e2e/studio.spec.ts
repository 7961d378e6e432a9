import type { Page, Request } from '@playwright/test';
import { expect, look, measured, signIn, somebody, test } from './support.ts';

const PREVIEWS = '**/api/v1/studio/previews';
/** How long a scene rests before it is asked for: see `useDrawn`. */
const SETTLED_MS = 120;

function isPreview(request: Request): boolean {
  return request.method() === 'POST' && request.url().endsWith('/api/v1/studio/previews');
}

/** The address of the picture that is shown. */
function shown(page: Page): Promise<string | null> {
  return page.getByRole('img', { name: 'A bust in the light of this rig' }).getAttribute('src');
}

/** Changes the key light by keyboard, and waits for its picture; says how long that took. */
async function turn(page: Page, presses: number): Promise<number> {
  const before = await shown(page);
  const key = page.getByRole('slider', { name: 'Key light' });
  await key.focus();
  for (let press = 0; press < presses; press += 1) await page.keyboard.press('ArrowRight');
  const begun = Date.now();
  await page.waitForFunction(
    src => document.querySelector('section[aria-label="Preview"] img')?.getAttribute('src') !== src,
    before,
    { polling: 'raf' },
  );
  return Date.now() - begun;
}

test('the studio shows the set as the service draws it, after the last change', async ({
  page,
}) => {
  await page.goto('/studio');
  await expect(page.getByRole('img', { name: /grey ball/ })).toBeVisible();
  await signIn(page, somebody('lighter'));
  await expect(page.getByRole('img', { name: 'A bust in the light of this rig' })).toBeVisible();
  await expect(page.getByRole('img', { name: /grey ball/ })).toHaveCount(0);
  await turn(page, 1);

  const asked: Request[] = [];
  page.on('request', request => isPreview(request) && asked.push(request));
  const took: number[] = [];
  const begun = Date.now();
  for (let round = 0; round < 5; round += 1) took.push(await turn(page, 12));
  const elapsed = Date.now() - begun;
  measured(`a picture follows the last change after ${took.join(', ')} ms`);
  const azimuths = asked.map(
    request => request.postDataJSON().lighting.lights[0].azimuth as number,
  );
  const last = await page.getByRole('slider', { name: 'Key light' }).getAttribute('aria-valuenow');
  expect(String(azimuths.at(-1)), 'the last scene is the one that is drawn').toBe(last);
  // A slow machine may rest between two changes for as long as a person does.
  const most = 5 + elapsed / SETTLED_MS;
  expect(asked.length, 'one request for what changes without a rest').toBeLessThan(most);

  await page.getByText('Bottle', { exact: true }).click();
  await expect(page.getByRole('img', { name: 'A bottle in the light of this rig' })).toBeVisible();
  await look(page, 'studio-preview');
});

test('the newest scene wins, and the request for the one before is given up', async ({ page }) => {
  await page.goto('/studio');
  await signIn(page, somebody('hasty'));
  const picture = page.getByRole('img', { name: 'A bust in the light of this rig' });
  await expect(picture).toBeVisible();
  const before = await shown(page);
  // The first answer never comes.
  await page.route(PREVIEWS, () => undefined, { times: 1 });
  const key = page.getByRole('slider', { name: 'Key light' });
  await key.focus();
  const asked = page.waitForRequest(isPreview);
  await page.keyboard.press('Shift+ArrowRight');
  const first = await asked;
  const abandoned = page.waitForEvent('requestfailed', request => request === first);
  await page.keyboard.press('Shift+ArrowRight');
  await abandoned;
  await expect(picture).not.toHaveAttribute('src', before ?? '');
});

test('a picture that is late leaves the one before in its place', async ({ page, context }) => {
  await page.goto('/studio');
  await signIn(page, somebody('patient'));
  const picture = page.getByRole('img', { name: 'A bust in the light of this rig' });
  await expect(picture).toBeVisible();
  const before = await shown(page);
  const key = page.getByRole('slider', { name: 'Key light' });

  await context.setOffline(true);
  await key.focus();
  await page.keyboard.press('Shift+ArrowRight');
  await expect(page.getByText('No connection: the next picture', { exact: false })).toBeVisible();
  expect(await shown(page)).toBe(before);
  await look(page, 'studio-offline');
  await context.setOffline(false);
  await expect(page.getByText('No connection: the next picture', { exact: false })).toHaveCount(0);
  await expect(picture).not.toHaveAttribute('src', before ?? '');

  // The service's answer to too many changes.
  await page.route(
    PREVIEWS,
    route =>
      route.fulfill({
        status: 429,
        headers: {
          'Retry-After': '6',
          'Access-Control-Allow-Origin': '*',
          'Access-Control-Expose-Headers': 'Retry-After',
        },
        json: { title: 'Too many requests', status: 429, code: 'rate_limited', detail: 'Wait.' },
      }),
    { times: 1 },
  );
  const limited = await shown(page);
  await key.focus();
  await page.keyboard.press('Shift+ArrowRight');
  await expect(page.getByText('the next picture follows in 6 s', { exact: false })).toBeVisible();
  expect(await shown(page)).toBe(limited);
  await expect(picture).not.toHaveAttribute('src', limited ?? '', { timeout: 15_000 });
  await expect(page.getByText('the next picture follows in', { exact: false })).toHaveCount(0);
});
