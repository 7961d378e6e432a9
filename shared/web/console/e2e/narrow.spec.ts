import type { Page } from '@playwright/test';
import { expect, signIn, test } from './support.ts';

test.use({ viewport: { width: 360, height: 760 } });

/** What is wider than the window: the page, a table in its box, or what can be pressed in a table. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const found = document.documentElement.scrollWidth > width ? ['the page'] : [];
    for (const table of document.querySelectorAll('main table')) {
      const box = table.parentElement;
      if (box && box.scrollWidth > box.clientWidth) {
        found.push(`the table “${box.getAttribute('aria-label')}”`);
      }
    }
    for (const it of document.querySelectorAll('main table :is(a, button, summary)')) {
      const { left, right } = it.getBoundingClientRect();
      if (left < 0 || right > width) found.push(`“${it.textContent}” in a table`);
    }
    return found;
  });
}

/** Opens each part of an area, and looks at its width once it is loaded. */
async function eachFits(page: Page, area: string, parts: string[]): Promise<void> {
  for (const name of parts) {
    await page.getByRole('tab', { name, exact: true }).click();
    await expect(page.getByRole('tab', { name, exact: true, selected: true })).toBeVisible();
    await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);
    expect.soft(await tooWide(page), `${area}, ${name}`).toEqual([]);
  }
}

test('staff pages fit a narrow window, and every action is within it', async ({ page }) => {
  test.setTimeout(180_000);
  await page.goto('/staff');
  await signIn(page, 'admin');
  await eachFits(page, 'staff', [
    'Revenue',
    'Generations',
    'People',
    'Moderation',
    'Appeals',
    'Sales',
    'Refunds',
    'Payouts',
    'Audit',
    'Listings',
  ]);
  await page.getByRole('combobox', { name: 'State' }).click();
  await page.getByRole('option', { name: 'Approved' }).click();
  await page.getByRole('button', { name: 'Take it off sale' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Leave it' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);

  await page.goto('/staff?tab=people&member=user_creator');
  await expect(page.getByRole('heading', { name: /Lena Okafor/ })).toBeVisible();
  await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);
  expect(await tooWide(page), 'the record of a member').toEqual([]);
});

test('what a creator earns and pays fits a narrow window', async ({ page }) => {
  await page.goto('/sell');
  await signIn(page, 'creator');
  await eachFits(page, 'sell', ['Listings', 'Overview', 'Earnings', 'Payouts']);
  await page.goto('/account');
  await eachFits(page, 'account', [
    'Plan',
    'Credits',
    'Invoices',
    'API keys',
    'Webhooks',
    'Links and rewards',
    'Appeals',
    'Profile and data',
  ]);
});
