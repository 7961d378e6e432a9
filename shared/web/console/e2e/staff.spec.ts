import { expect, look, signIn, test } from './support.ts';

test('staff see the revenue, a person and an intact audit', async ({ page }) => {
  test.setTimeout(180_000);
  await page.goto('/staff');
  await signIn(page, 'admin');
  await expect(page.getByText('MRR', { exact: true }).first()).toBeVisible();
  await look(page, 'staff-revenue');
  await page.getByRole('tab', { name: 'Generations' }).click();
  await expect(page.getByText('Active members')).toBeVisible();
  await look(page, 'staff-generations');
  await page.getByRole('tab', { name: 'People' }).click();
  await page.getByRole('searchbox', { name: /E-mail/ }).fill('creator');
  await page.getByRole('link', { name: /Lena Okafor/ }).click();
  await expect(page.getByRole('heading', { name: /Lena Okafor/ })).toBeVisible();
  await look(page, 'staff-person');
  await page.getByRole('link', { name: 'Sales', exact: true }).click();
  await expect(page).toHaveURL(/tab=sales&creator=/);
  await expect(page.getByRole('button', { name: 'Any creator' })).toBeVisible();
  await page.getByRole('button', { name: 'Any creator' }).click();
  await expect(page.getByRole('region', { name: 'Sales' }).getByRole('row').nth(1)).toBeVisible();
  await look(page, 'staff-sales');
  await page.getByRole('tab', { name: 'Listings' }).click();
  await page.getByRole('combobox', { name: 'State' }).click();
  await page.getByRole('option', { name: 'Approved' }).click();
  await page.getByRole('textbox', { name: 'Creator’s id' }).fill('user_creator');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('cell', { name: /Edge-lit Bottle/ }).first()).toBeVisible();
  await look(page, 'staff-listings');
  await page.getByRole('tab', { name: 'Payouts' }).click();
  await expect(page.getByRole('combobox', { name: 'State' })).toBeVisible();
  await look(page, 'staff-payouts');
  await page.getByRole('tab', { name: 'Refunds' }).click();
  await expect(page.getByText(/balances shown equal/)).toBeVisible();
  await look(page, 'staff-refunds');
  await page.getByRole('tab', { name: 'Audit' }).click();
  await page.getByRole('button', { name: 'Verify the chains' }).click();
  await expect(page.getByText(/entries in all chains are intact/)).toBeVisible();
  await look(page, 'staff-audit');
});

test('who is no staff sees no staff area', async ({ page }) => {
  await page.goto('/staff');
  await signIn(page, 'member');
  await expect(page.getByRole('heading', { name: 'This is for staff' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Staff' })).toHaveCount(0);
});
