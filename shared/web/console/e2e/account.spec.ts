import { expect, look, signIn, somebody, test } from './support.ts';

test('a member buys credits and a plan, and sees where they went', async ({ page }) => {
  await page.goto('/account');
  await signIn(page, somebody('payer'));
  await expect(page.getByRole('heading', { name: 'Free plan' })).toBeVisible();
  await look(page, 'account-plan');
  await page
    .getByRole('article')
    .filter({ hasText: '50 credits' })
    .getByRole('button', { name: 'Buy' })
    .click();
  await page.waitForURL(/stripe\/pay/);
  await page.getByRole('button', { name: /^Pay/ }).click();
  await page.waitForURL(/\/account/);
  await expect(page.getByText('60 credits')).toBeVisible({ timeout: 30_000 });

  await page
    .getByRole('article')
    .filter({ hasText: 'Pro' })
    .getByRole('button', { name: 'Subscribe' })
    .click();
  await page.waitForURL(/stripe\/pay/);
  await page.getByRole('button', { name: /^(Pay|Subscribe)/ }).click();
  await page.waitForURL(/\/account/);
  await expect(page.getByRole('heading', { name: 'Pro plan' })).toBeVisible({ timeout: 30_000 });

  await page.getByRole('tab', { name: 'Credits' }).click();
  await expect(page.getByRole('heading', { name: 'Ledger' })).toBeVisible();
  await look(page, 'account-credits');
  await page.getByRole('tab', { name: 'Invoices' }).click();
  await expect(page.getByRole('cell', { name: /Paid/ }).first()).toBeVisible();
  await look(page, 'account-invoices');
  await page.getByRole('tab', { name: 'Links and rewards' }).click();
  await expect(page.getByText('No sale through a link of yours yet.')).toBeVisible();
  await look(page, 'account-links');
  await page.getByRole('tab', { name: 'Profile and data' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Kim');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Your profile is saved', { exact: false })).toBeVisible();
  await look(page, 'account-profile');
});
