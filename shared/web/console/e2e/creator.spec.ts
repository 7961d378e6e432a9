import { expect, look, signIn, somebody, test } from './support.ts';

test('a creator sells a rig that staff approve and a stranger buys', async ({ page, browser }) => {
  test.setTimeout(240_000);
  const title = `Window light ${Date.now().toString(36)}`;
  await page.goto('/sell');
  await signIn(page, somebody('maker'));
  await expect(page.getByText('Nothing for sale yet')).toBeVisible();
  await look(page, 'sell-empty');
  await page.getByRole('link', { name: 'New listing' }).click();
  await look(page, 'sell-types');
  await page.getByRole('link', { name: /Lighting rig/ }).click();
  await page.getByRole('textbox', { name: 'Title' }).fill(title);
  await page
    .getByRole('textbox', { name: 'Description' })
    .fill('One large source at the window, and a white wall that answers it.');
  await page.getByRole('textbox', { name: 'Tags' }).fill('window, soft, portrait');
  const key = page.getByRole('slider', { name: 'Key light' });
  await key.focus();
  for (let press = 0; press < 3; press += 1) await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.press('PageUp');
  // What is wrong is said at the field.
  await page.getByRole('textbox', { name: /Price/ }).fill('9000');
  await page.getByRole('button', { name: 'Save the draft' }).click();
  await expect(page.getByText(/costs|between|price/i).nth(1)).toBeVisible();
  await page.getByRole('textbox', { name: /Price/ }).fill('7');
  await look(page, 'sell-editor');
  await page.getByRole('button', { name: 'Save the draft' }).click();
  await expect(page.getByRole('heading', { name: title })).toBeVisible();

  const picture = await page
    .getByRole('img', { name: 'A bust in the light of this rig' })
    .screenshot();
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Add pictures' }).click();
  await (await chooser).setFiles({ name: 'window.png', mimeType: 'image/png', buffer: picture });
  await expect(page.getByRole('img', { name: '1 of 1' })).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Submit for review' }).click();
  // It is prepared first; the page follows it until it waits for a moderator.
  await expect(page.getByText('A moderator looks at it.')).toBeVisible({ timeout: 60_000 });
  await look(page, 'sell-submitted');

  const staff = await (await browser.newContext()).newPage();
  await staff.goto('/staff?tab=moderation');
  await signIn(staff, 'moderator');
  const waiting = staff.getByRole('article', { name: title });
  await expect(waiting).toBeVisible();
  await look(staff, 'staff-moderation');
  await waiting.getByRole('button', { name: 'Approve' }).click();
  await staff.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
  await expect(staff.getByText(`“${title}” is on sale.`)).toBeVisible();

  await page.reload();
  await page.getByRole('link', { name: 'See it in the market' }).click();
  await expect(page.getByText('Yours')).toBeVisible();

  const buyer = await (await browser.newContext()).newPage();
  await buyer.goto(page.url());
  await signIn(buyer, somebody('stranger'));
  await buyer.getByRole('button', { name: /^Buy for/ }).click();
  await buyer.waitForURL(/stripe\/pay/);
  await buyer.getByRole('button', { name: /^Pay/ }).click();
  await expect(buyer.getByText('It is yours. Thank you.')).toBeVisible({ timeout: 30_000 });

  await buyer.getByRole('link', { name: title }).click();
  await buyer.getByRole('radio', { name: '1 star' }).focus();
  for (let star = 1; star < 5; star += 1) await buyer.keyboard.press('ArrowRight');
  await expect(buyer.getByRole('radio', { name: '5 stars' })).toBeChecked();
  await buyer.getByRole('textbox', { name: 'Your review' }).fill('Soft, and it stays soft.');
  await buyer.getByRole('button', { name: 'Publish' }).click();
  await expect(buyer.getByText('Soft, and it stays soft.')).toBeVisible();
  await page.reload();
  await page.getByRole('button', { name: 'Reply' }).click();
  await page.getByRole('textbox', { name: 'Your reply' }).fill('Thank you.');
  await page.getByRole('button', { name: 'Publish' }).click();
  await expect(page.getByRole('button', { name: 'Change your reply' })).toBeVisible();
  await expect(page.getByText('Thank you.')).toBeVisible();
  await look(page, 'listing-own');

  await staff.goto(page.url());
  await staff.getByRole('button', { name: 'Remove the review' }).click();
  await staff.getByRole('dialog').getByRole('textbox').fill('It was paid for.');
  await staff.getByRole('dialog').getByRole('button', { name: 'Remove the review' }).click();
  await expect(staff.getByText('No reviews yet', { exact: false })).toBeVisible();
  await buyer.goto('/market/purchases');
  await expect(buyer.getByText('Staff removed your review', { exact: false })).toContainText(
    '“It was paid for.”',
  );
  await look(buyer, 'purchases-review-removed');

  await page.goto('/sell?tab=earnings');
  await expect(page.getByRole('cell', { name: new RegExp(`${title} Version 1`) })).toBeVisible({
    timeout: 30_000,
  });
  await look(page, 'sell-earnings');
  await page.goto('/sell?tab=overview');
  await look(page, 'sell-overview');
  await page.goto('/sell');
  await look(page, 'sell-listings');

  // Stripe's page, of the sandbox, makes the creator payable.
  await page.goto('/sell?tab=payouts');
  await page.getByRole('combobox', { name: 'Country of residence' }).fill('Germ');
  await page.getByRole('option', { name: 'Germany' }).click();
  await look(page, 'sell-payee');
  await page.getByRole('button', { name: 'Set it up at Stripe' }).click();
  await page.waitForURL(/stripe\/connect/);
  await page.getByRole('button', { name: 'Agree and submit' }).click();
  await page.waitForURL(/\/sell\?tab=payouts/);
  await expect(async () => {
    await page.reload();
    await expect(page.getByText('Stripe can pay you.')).toBeVisible({ timeout: 3_000 });
  }).toPass({ timeout: 40_000 });
  await look(page, 'sell-payouts');
});
