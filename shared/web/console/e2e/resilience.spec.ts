import { expect, SANDBOX, signIn, somebody, test, watch } from './support.ts';

const KEY = 'prolight.user:';

/** Puts a token that has expired in place of the one in the browser. */
async function expire(page: import('@playwright/test').Page, email: string): Promise<void> {
  const answer = await page.request.post(`${SANDBOX}/_sandbox/openid/forge`, {
    data: { email, flaw: 'expired' },
  });
  const { access_token } = (await answer.json()) as { access_token: string };
  await page.evaluate(
    ([key, token]) => {
      for (const name of Object.keys(localStorage)) {
        if (!name.startsWith(key ?? '')) continue;
        const user = JSON.parse(localStorage.getItem(name) ?? '{}');
        localStorage.setItem(name, JSON.stringify({ ...user, access_token: token }));
      }
    },
    [KEY, access_token],
  );
}

test('an expired token is renewed without a word, in two tabs at once', async ({ page }) => {
  const person = somebody('renewed');
  await page.goto('/account');
  await signIn(page, person);
  await expect(page.getByRole('heading', { name: 'Free plan' })).toBeVisible();
  const other = await page.context().newPage();
  const complaints: string[] = [];
  watch(other, complaints);
  await expire(page, `${person}@prolight.test`);
  await Promise.all([page.reload(), other.goto('/account?tab=credits')]);
  await expect(page.getByRole('heading', { name: 'Free plan' })).toBeVisible();
  await expect(other.getByRole('heading', { name: 'Ledger' })).toBeVisible();
  await expect(page.getByText('You have been signed out')).toHaveCount(0);
  expect(complaints).toEqual([]);
});

test('signing out in one tab signs the other out', async ({ page }) => {
  await page.goto('/account');
  await signIn(page, somebody('leaving'));
  const other = await page.context().newPage();
  await other.goto('/studio');
  await expect(other.getByRole('button', { name: 'You' })).toBeVisible();
  await page.getByRole('button', { name: 'You' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.waitForURL(/studio/);
  await expect(page.getByRole('button', { name: 'Sign in' }).first()).toBeVisible();
  await expect(other.getByText('You have been signed out')).toBeVisible();
});

test('a lost network loses nothing', async ({ page, context }) => {
  await page.goto('/studio');
  await signIn(page, somebody('offline'));
  await page.getByRole('textbox', { name: 'Prompt' }).fill('a bottle in the dark');
  await context.setOffline(true);
  await page.getByRole('button', { name: 'Generate for 1 credit' }).click();
  await expect(page.getByText('nothing you entered is lost', { exact: false })).toBeVisible({
    timeout: 20_000,
  });
  await context.setOffline(false);
  await expect(page.getByRole('textbox', { name: 'Prompt' })).toHaveValue('a bottle in the dark');
  await page.getByRole('button', { name: 'Generate for 1 credit' }).click();
  await expect(page.getByRole('button', { name: 'Download' })).toBeVisible({ timeout: 60_000 });
});
