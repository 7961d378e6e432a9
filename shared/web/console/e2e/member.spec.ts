import { accessible, expect, look, signIn, somebody, test } from './support.ts';

test('a member signs in, lights a set and generates a picture', async ({ page }) => {
  await page.goto('/');
  await expect(page).toHaveURL(/\/studio$/);
  await look(page, 'studio-visitor');
  await signIn(page, somebody('member'));
  await expect(page.getByText('10 credits')).toBeVisible();

  // By pointer: the key light is dragged to camera left.
  const key = page.getByRole('slider', { name: 'Key light' });
  const box = await key.boundingBox();
  const plan = await page.getByRole('group', { name: /Plan of the set/ }).boundingBox();
  if (!box || !plan) throw new Error('the plan is not shown');
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(plan.x + plan.width * 0.2, plan.y + plan.height / 2, { steps: 8 });
  await page.mouse.up();
  await expect(key).toHaveAttribute('aria-valuenow', /^-(89|90|91)$/);
  // By keyboard.
  await key.focus();
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('PageUp');
  await expect(key).toHaveAttribute('aria-valuenow', /^-(79|80|81)$/);
  await expect(page.getByRole('spinbutton', { name: 'Azimuth' })).toHaveValue(/^-(79|80|81)$/);

  await page.getByRole('textbox', { name: 'Prompt' }).fill('a bust of plaster on slate');
  // Nothing is lost on reload.
  await page.waitForTimeout(300);
  await page.reload();
  await expect(page.getByRole('textbox', { name: 'Prompt' })).toHaveValue(/plaster/);
  await expect(key).toHaveAttribute('aria-valuenow', /^-(79|80|81)$/);

  await page.getByRole('button', { name: 'Generate for 1 credit' }).click();
  await expect(page.getByRole('button', { name: 'Download' })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText('9 credits')).toBeVisible();
  await look(page, 'studio-result');
  await page.getByRole('button', { name: 'Use the light theme' }).click();
  await accessible(page, 'studio in the light theme');
  await page.getByRole('link', { name: 'Market', exact: true }).click();
  await expect(page.getByText(/\d+ listings/)).toBeVisible();
  await accessible(page, 'market in the light theme');
});
