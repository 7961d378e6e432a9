import type { APIRequestContext, Page } from '@playwright/test';
import type { OwnListing } from '@prolight/client';
import { ask, draftListing, expect, look, signIn, somebody, test } from './support.ts';

async function addPicture(page: Page, name: string, picture: Buffer): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Add pictures' }).click();
  await (await chooser).setFiles({ name, mimeType: 'image/png', buffer: picture });
}

/** Submits a version and has it approved, as a moderator's program would. */
async function putOnSale(request: APIRequestContext, maker: string, id: string): Promise<void> {
  await ask(request, maker, 'POST', `/api/v1/marketplace/listings/${id}/submit`, {});
  const read = () =>
    ask<OwnListing>(request, maker, 'GET', `/api/v1/marketplace/creator/listings/${id}`);
  await expect.poll(async () => (await read()).review.status, { timeout: 60_000 }).toBe('pending');
  const { content_hash } = await read();
  await ask(request, 'moderator', 'POST', `/api/v1/admin/marketplace/listings/${id}/approve`, {
    content_hash,
  });
}

test('a creator orders pictures, removes one, and says what is new in a version', async ({
  page,
  request,
}) => {
  test.setTimeout(240_000);
  const maker = somebody('orderly');
  const title = `Side light ${Date.now().toString(36)}`;
  const made = await draftListing(request, maker, title);
  const path = `/api/v1/marketplace/creator/listings/${made.id}`;
  const order = async () =>
    (await ask<OwnListing>(request, maker, 'GET', path)).previews.map(picture => picture.id);

  await page.goto(`/sell/listings/${made.id}`);
  await signIn(page, maker);
  const plan = await page.getByRole('group', { name: /Plan of the set/ }).screenshot();
  // The ball that the page draws itself gives way to the picture of the service.
  const bust = await page
    .getByRole('img', { name: 'A bust in the light of this rig' })
    .screenshot();
  await expect(page.getByRole('img', { name: /grey ball/ })).toHaveCount(0);
  await addPicture(page, 'plan.png', plan);
  await expect(page.getByRole('img', { name: '1 of 1' })).toBeVisible({ timeout: 60_000 });
  await addPicture(page, 'bust.png', bust);
  await expect(page.getByRole('img', { name: '2 of 2' })).toBeVisible({ timeout: 60_000 });
  await addPicture(page, 'again.png', plan);
  await expect(page.getByRole('img', { name: '3 of 3' })).toBeVisible({ timeout: 60_000 });

  // By keyboard, twice with one button: the focus follows the picture.
  const [first, second, third] = await order();
  await page.getByRole('button', { name: 'Show picture 3 of 3 earlier' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Show picture 2 of 3 earlier' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByText('It is picture 1 of 3 now.')).toBeAttached();
  await expect.poll(order).toEqual([third, first, second]);
  await look(page, 'sell-pictures');
  await page.getByRole('button', { name: 'Remove picture 1 of 3' }).click();
  await expect(page.getByRole('img', { name: '2 of 2' })).toBeVisible();
  expect(await order()).toEqual([first, second]);

  await putOnSale(request, maker, made.id);
  await page.reload();
  await expect(page.getByRole('button', { name: 'Add pictures' })).toBeDisabled();
  await page.getByRole('button', { name: 'Begin the next version' }).click();
  await expect(page.getByRole('button', { name: 'Add pictures' })).toBeEnabled();
  await page
    .getByRole('textbox', { name: 'What is new in this version' })
    .fill('The key light is two stops softer.');
  await page.getByRole('button', { name: 'Save the next version' }).click();
  await expect(page.getByText('Saved as the next version', { exact: false })).toBeVisible();
  await look(page, 'sell-next-version');
  await putOnSale(request, maker, made.id);
  await page.goto(`/market/listings/${made.id}`);
  await expect(page.getByRole('heading', { name: 'New in version 2' })).toBeVisible();
  await expect(page.getByText('The key light is two stops softer.')).toBeVisible();
  await look(page, 'listing-changes');
});

test('a report names a picture, says why, and is decided', async ({ page, browser, request }) => {
  test.setTimeout(180_000);
  const maker = somebody('careless');
  const title = `Copied light ${Date.now().toString(36)}`;
  const words = `The same plan is in my own shop, ${title}.`;
  const made = await draftListing(request, maker, title);
  await putOnSale(request, maker, made.id);

  await page.goto(`/market/listings/${made.id}`);
  await signIn(page, somebody('owner'));
  await page.getByRole('button', { name: `Report “${title}”` }).click();
  const form = page.getByRole('dialog');
  await form.getByRole('combobox', { name: 'What you report' }).click();
  await page.getByRole('option', { name: 'Picture 1' }).click();
  await form.getByRole('combobox', { name: 'What is wrong with it' }).click();
  await page.getByRole('option', { name: 'It copies another’s work' }).click();
  await form.getByRole('textbox', { name: 'In your own words' }).fill(words);
  await look(page, 'listing-report');
  await form.getByRole('button', { name: 'Report' }).click();
  await expect(page.getByText('Thank you. Our moderators', { exact: false })).toBeVisible();

  const staff = await (await browser.newContext()).newPage();
  await staff.goto('/staff?tab=moderation');
  await signIn(staff, 'moderator');
  // What is above it moves it until it is loaded.
  await expect(staff.getByRole('status', { name: 'Loading' })).toHaveCount(0);
  await staff.getByRole('combobox', { name: 'Reports on' }).click();
  await staff.getByRole('option', { name: 'Pictures' }).click();
  const reported = staff.getByRole('article', { name: title });
  await expect(reported.getByText(words)).toBeVisible();
  await look(staff, 'staff-reported');
  await reported.getByRole('button', { name: 'Decide' }).click();
  const decision = staff.getByRole('dialog');
  await decision.getByRole('combobox', { name: 'Decision' }).click();
  await staff.getByRole('option', { name: 'The reports are justified' }).click();
  await decision.getByRole('textbox').last().fill('The plan is the reporter’s.');
  await decision.getByRole('button', { name: 'Decide' }).click();
  await expect(staff.getByText('The reports are justified: done', { exact: false })).toBeVisible();
  await expect(reported).toHaveCount(0);
});
