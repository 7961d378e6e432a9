import type { Page } from '@playwright/test';
import type { OwnListing } from '@prolight/client';
import { ask, draftListing, expect, look, signIn, somebody, test, watch } from './support.ts';

function title(tab: Page) {
  return tab.getByRole('textbox', { name: 'Title' });
}
function choice(tab: Page) {
  return tab.getByRole('alert').filter({ hasText: 'It was changed elsewhere' });
}
async function save(tab: Page): Promise<void> {
  await tab.getByRole('button', { name: 'Save', exact: true }).click();
}

test('of two tabs that edit one listing, the second to save has the choice', async ({
  page,
  request,
  complaints,
}) => {
  const maker = somebody('twofold');
  const made = await draftListing(request, maker, 'Side light');
  const path = `/api/v1/marketplace/creator/listings/${made.id}`;
  const stored = async () => (await ask<OwnListing>(request, maker, 'GET', path)).title;
  await page.goto(`/sell/listings/${made.id}`);
  await signIn(page, maker);
  await expect(title(page)).toHaveValue('Side light');
  const other = await page.context().newPage();
  watch(other, complaints);
  await other.goto(`/sell/listings/${made.id}`);
  await expect(title(other)).toHaveValue('Side light');

  await title(page).fill('Light of the first tab');
  await title(other).fill('Light of the second tab');
  await save(page);
  await expect.poll(stored).toBe('Light of the first tab');
  await save(other);
  await expect(choice(other)).toContainText('title');
  await expect(title(other)).toHaveValue('Light of the second tab');
  expect(await stored()).toBe('Light of the first tab');
  await look(other, 'sell-changed-elsewhere');

  // The first tab is edited once more before the second one saves over it.
  await title(page).fill('Light of the first tab, again');
  await other.getByRole('button', { name: 'Keep mine and save over it' }).click();
  await expect.poll(stored).toBe('Light of the second tab');
  await expect(choice(other)).toHaveCount(0);
  await save(page);
  await expect(choice(page)).toBeVisible();
  await page.getByRole('button', { name: 'Load what is stored' }).click();
  await expect(choice(page)).toHaveCount(0);
  await expect(title(page)).toHaveValue('Light of the second tab');

  // Saves that follow each other in one tab meet no choice.
  for (const text of ['Light of one tab', 'Light of one tab, softer']) {
    await title(page).fill(text);
    await save(page);
    await expect.poll(stored).toBe(text);
  }
  await expect(choice(page)).toHaveCount(0);
});
