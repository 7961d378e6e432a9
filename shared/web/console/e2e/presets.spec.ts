import { expect, look, signIn, somebody, test } from './support.ts';

test('a set is saved, loaded, replaced and deleted, by keyboard alone', async ({ page }) => {
  await page.goto('/studio');
  await signIn(page, somebody('keeper'));
  const prompt = page.getByRole('textbox', { name: 'Prompt' });
  await prompt.fill('a vase of slate');
  await page.getByRole('button', { name: 'Save', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'Name' }).fill('Slate');
  await page.keyboard.press('Enter');
  await expect(page.getByText('“Slate” is saved', { exact: false })).toBeVisible();

  await prompt.fill('something else');
  const open = async () => {
    await page.getByRole('button', { name: 'Load', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Your presets…' }).focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('button', { name: 'Load “Slate”' })).toBeVisible();
  };
  await open();
  await look(page, 'studio-presets');
  await page.getByRole('button', { name: 'Load “Slate”' }).focus();
  await page.keyboard.press('Enter');
  await expect(prompt).toHaveValue('a vase of slate');

  await prompt.fill('a vase of chalk');
  await open();
  await page.getByRole('button', { name: 'Replace “Slate”' }).focus();
  await page.keyboard.press('Enter');
  const replacing = page.getByRole('dialog', { name: 'Replace “Slate”' });
  await replacing.getByRole('button', { name: 'Replace' }).focus();
  await page.keyboard.press('Enter');
  await expect(replacing).toHaveCount(0);
  await page.getByRole('button', { name: 'Load “Slate”' }).focus();
  await page.keyboard.press('Enter');
  await expect(prompt).toHaveValue('a vase of chalk');

  await open();
  await page.getByRole('button', { name: 'Delete “Slate”' }).focus();
  await page.keyboard.press('Enter');
  const deleting = page.getByRole('dialog', { name: 'Delete “Slate”' });
  await deleting.getByRole('button', { name: 'Delete' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByText('None saved yet', { exact: false })).toBeVisible();
});
