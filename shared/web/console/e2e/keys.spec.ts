import { API, expect, look, signIn, somebody, test } from './support.ts';

test('a program calls with a key that its member made, and deleted', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('/account?tab=keys');
  await signIn(page, somebody('programmer'));
  await expect(page.getByText('No key yet', { exact: false })).toBeVisible();
  await look(page, 'account-keys-empty');

  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Nightly renders');
  await page.getByRole('checkbox', { name: 'Generate' }).check();
  await look(page, 'account-keys-new');
  await page.getByRole('button', { name: 'Make the key' }).click();
  const shown = page.getByRole('dialog', { name: /Nightly renders/ });
  const key = (await shown.locator('code').textContent()) ?? '';
  expect(key).toMatch(/^plk_\w{28}$/);
  await look(page, 'account-keys-secret');
  await shown.getByRole('button', { name: 'Copy' }).click();
  await expect(shown.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key);

  const call = (path: string) =>
    page.request.get(`${API}${path}`, { headers: { Authorization: `Bearer ${key}` } });
  expect((await call('/api/v1/generations')).status()).toBe(200);
  expect((await call('/api/v1/me/keys')).status(), 'a key manages no keys').toBe(403);

  // It is not shown again, also not after a reload.
  await shown.getByRole('button', { name: 'I have kept it' }).click();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Nightly renders' })).toBeVisible();
  await expect(page.getByText(key)).toHaveCount(0);
  await look(page, 'account-keys');

  await page.getByRole('button', { name: 'Delete “Nightly renders”' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('No key yet', { exact: false })).toBeVisible();
});
