import { expect, look, signIn, somebody, test } from './support.ts';

const TITLE = 'Edge-lit Bottle';

test('a refund is declined, then granted in part, and everybody reads why', async ({
  page,
  browser,
}) => {
  test.setTimeout(240_000);
  const person = somebody('doubtful');
  await page.goto(`/market?q=${encodeURIComponent(TITLE)}`);
  await page
    .getByRole('link', { name: new RegExp(TITLE) })
    .first()
    .click();
  await signIn(page, person);
  await page.getByRole('button', { name: /^Buy for/ }).click();
  await page.waitForURL(/stripe\/pay/);
  await page.getByRole('button', { name: /^Pay/ }).click();
  await expect(page.getByText('It is yours. Thank you.')).toBeVisible({ timeout: 30_000 });
  // After a download, a refund needs a reason.
  await page.getByRole('button', { name: 'Content and files' }).click();
  await page.getByRole('button', { name: 'Download the rig' }).first().click();
  await page.getByText('The content as JSON').click();
  await expect(page.getByText(/"lighting"/)).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Refund' }).click();
  const wish = page.getByRole('dialog');
  await wish.getByRole('textbox').fill('It is darker than its picture.');
  await wish.getByRole('button', { name: /^Ask for/ }).click();
  await expect(page.getByText('because it was downloaded', { exact: false })).toBeVisible();
  await look(page, 'purchases-asked');

  const staff = await (await browser.newContext()).newPage();
  await staff.goto('/staff?tab=refunds');
  await signIn(staff, 'admin');
  const request = staff
    .getByRole('article', { name: TITLE })
    .filter({ has: staff.getByRole('link', { name: `user_${person}` }) });
  await expect(request.getByText('It is darker than its picture.')).toBeVisible();
  await look(staff, 'staff-refund-request');
  await request.getByRole('button', { name: 'Decline' }).click();
  await staff.getByRole('dialog').getByRole('textbox').fill('Its demo shows how dark it is.');
  await staff.getByRole('dialog').getByRole('button', { name: 'Decline' }).click();
  await expect(staff.getByText('The request is declined.')).toBeVisible();
  await expect(request).toHaveCount(0);
  await page.reload();
  await expect(page.getByText('Its demo shows how dark it is.', { exact: false })).toBeVisible();

  await staff.goto(`/staff?tab=sales&buyer=user_${person}`);
  await staff.getByRole('button', { name: 'Refund' }).click();
  const refund = staff.getByRole('dialog');
  await refund.getByRole('textbox', { name: /^Amount/ }).fill('4.5');
  await expect(refund.getByText('The buyer keeps the listing.', { exact: false })).toBeVisible();
  await refund.getByRole('textbox', { name: /^Reason/ }).fill('For the patience.');
  await look(staff, 'staff-refund');
  await refund.getByRole('button', { name: 'Refund' }).click();
  await expect(staff.getByText('The buyer gets the money back.')).toBeVisible();
  await expect(staff.getByText(/4\.50 refunded/)).toBeVisible();

  await expect(async () => {
    await page.reload();
    await expect(page.getByRole('list', { name: 'Refunds' })).toContainText('“For the patience.”', {
      timeout: 3_000,
    });
  }).toPass({ timeout: 40_000 });
  await expect(page.getByRole('button', { name: 'Content and files' })).toBeVisible();
  await look(page, 'purchases-refunded');
});
