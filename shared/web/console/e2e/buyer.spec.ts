import { expect, look, signIn, somebody, test } from './support.ts';

test('a buyer searches, tries a rig live, pays and uses it', async ({ page }) => {
  await page.goto('/market');
  await expect(page.getByText(/\d+ listings/)).toBeVisible();
  await look(page, 'market');
  // As one types, with a typing error.
  await page.getByRole('textbox', { name: 'Search the market' }).fill('rembrant');
  await expect(page.getByText(/^1 listing$/)).toBeVisible();
  await page.getByRole('textbox', { name: 'Search the market' }).fill('nothing has these words');
  await expect(page.getByText(/Nothing matches/)).toBeVisible();
  await page.getByRole('button', { name: 'Clear the search' }).click();
  await page.getByRole('checkbox', { name: /Lighting rig/ }).check();
  await expect(page).toHaveURL(/type=lighting_preset/);
  // The newest are other tests' listings.
  await page.getByRole('textbox', { name: 'Search the market' }).fill('edge-lit');
  await page
    .getByRole('link', { name: /Edge-lit Bottle/ })
    .first()
    .click();
  await expect(page.getByRole('heading', { name: 'Edge-lit Bottle' })).toBeVisible();
  await page.getByRole('button', { name: 'Try it live' }).click();
  await expect(page.getByRole('img', { name: /Edge-lit Bottle on a/ })).toBeVisible();
  await look(page, 'listing');

  // What else its creator sells.
  await page.getByRole('link', { name: 'Lena Okafor Studio' }).click();
  await expect(page.getByText('By Lena Okafor Studio.')).toBeVisible();
  await look(page, 'market-creator');
  await page.getByRole('link', { name: /Edge-lit Bottle/ }).click();

  await signIn(page, somebody('buyer'));
  await expect(page.getByRole('heading', { name: 'Edge-lit Bottle' })).toBeVisible();
  await page.getByRole('button', { name: /^Buy for/ }).click();
  // Stripe's page, of the sandbox: a refused card first.
  await page.waitForURL(/stripe\/pay/);
  await page.locator('input[value="4000000000000002"]').check();
  await page.getByRole('button', { name: /^Pay/ }).click();
  await expect(page.getByText(/declined/i).first()).toBeVisible();
  await page.locator('input[value="4242424242424242"]').check();
  await page.getByRole('button', { name: /^Pay/ }).click();
  await page.waitForURL(/market\/purchases/);
  await expect(page.getByText('It is yours. Thank you.')).toBeVisible({ timeout: 30_000 });
  await look(page, 'purchases');
  await page.getByRole('button', { name: 'Content and files' }).click();
  await page.getByRole('button', { name: 'Download the rig' }).first().click();
  await page.getByText('The content as JSON').click();
  await expect(page.getByText(/"lighting"/)).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Use it in the studio' }).click();
  await expect(page.getByText('With Edge-lit Bottle')).toBeVisible();
  await expect(page.getByText('Replaced by “Edge-lit Bottle”', { exact: false })).toHaveCount(3);
  await page.getByRole('textbox', { name: 'Refinement' }).fill('a bottle of ink');
  await page.getByRole('button', { name: 'Generate for 1 credit' }).click();
  await expect(page.getByRole('button', { name: 'Download' })).toBeVisible({ timeout: 60_000 });

  await page.goto('/gallery');
  await page
    .getByRole('button', { name: /a bottle of ink/ })
    .first()
    .click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.getByRole('button', { name: 'Favourite' }).click();
  await expect(page.getByRole('button', { name: 'Favourite', pressed: true })).toBeVisible();
  await look(page, 'gallery-details');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: /Favourite, a bottle of ink/ })).toBeVisible();
  await look(page, 'gallery');
  await page.getByRole('button', { name: /Favourite, a bottle of ink/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  const sure = page.getByRole('dialog', { name: 'Delete the picture' });
  await sure.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('No picture yet', { exact: false })).toBeVisible();
});
