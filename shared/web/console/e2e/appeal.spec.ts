import type { OpenAppeal, OwnListing, Page } from '@prolight/client';
import { accessible, ask, draftListing, expect, look, signIn, somebody, test } from './support.ts';

test('a suspended member sees why, appeals, and reads the decision', async ({ page, browser }) => {
  test.setTimeout(180_000);
  const person = somebody('suspended');
  await page.goto('/account');
  await signIn(page, person);
  await expect(page.getByRole('heading', { name: 'Free plan' })).toBeVisible();

  const staff = await (await browser.newContext()).newPage();
  await staff.goto(`/staff?tab=people&member=user_${person}`);
  await signIn(staff, 'admin');
  await staff.getByRole('button', { name: 'Suspend' }).click();
  const suspension = staff.getByRole('dialog');
  await suspension.getByRole('combobox', { name: 'Until' }).click();
  await staff.getByRole('option', { name: 'In 30 days' }).click();
  await suspension.getByRole('textbox').last().fill('Pictures of a person without consent.');
  await suspension.getByRole('button', { name: 'Suspend' }).click();
  await expect(staff.getByText('Suspend: done', { exact: false })).toBeVisible();

  await page.goto('/studio');
  await expect(page.getByText('Your account is suspended', { exact: false })).toBeVisible();
  await page.getByRole('link', { name: 'Why, and how to appeal' }).click();
  await expect(page.getByText('Pictures of a person without consent.')).toBeVisible();
  await look(page, 'account-suspended');
  const text = 'The person is made of plaster.';
  await page.getByRole('textbox', { name: 'Why this decision is wrong' }).fill(text);
  await page.getByRole('button', { name: 'Appeal' }).click();
  await expect(page.getByText(`You wrote: “${text}”`)).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Why this decision is wrong' })).toHaveCount(0);
  await look(page, 'account-appealed');
  await page.getByRole('button', { name: 'Use the light theme' }).click();
  await accessible(page, 'a suspended account in the light theme');

  await staff.getByRole('tab', { name: 'Appeals' }).click();
  const appeal = staff.getByRole('article').filter({ hasText: text }).last();
  await expect(appeal).toBeVisible();
  await look(staff, 'staff-appeals');
  await appeal.getByRole('button', { name: 'Reverse the decision' }).click();
  const decision = staff.getByRole('dialog');
  await decision.getByRole('textbox').fill('It is plaster indeed.');
  await decision.getByRole('button', { name: 'Reverse the decision' }).click();
  await expect(staff.getByText('The decision is reversed.')).toBeVisible();

  await page.goto('/account?tab=appeals');
  await expect(page.getByText('Staff wrote: “It is plaster indeed.”')).toBeVisible();
  await expect(page.getByText('Your account is suspended')).toHaveCount(0);
  await look(page, 'account-appeals');
});

test('a rejected listing is appealed where it is shown', async ({ page, request }) => {
  test.setTimeout(180_000);
  const maker = somebody('rejected');
  const title = `Plain light ${Date.now().toString(36)}`;
  const made = await draftListing(request, maker, title);
  await ask(request, maker, 'POST', `/api/v1/marketplace/listings/${made.id}/submit`, {});
  await page.goto(`/sell/listings/${made.id}`);
  await signIn(page, maker);
  await expect(page.getByText('A moderator looks at it.')).toBeVisible({ timeout: 60_000 });
  const own = `/api/v1/marketplace/creator/listings/${made.id}`;
  const { content_hash } = await ask<OwnListing>(request, maker, 'GET', own);
  const reason = 'It is a light, not a rig.';
  await ask(request, 'moderator', 'POST', `/api/v1/admin/marketplace/listings/${made.id}/reject`, {
    content_hash,
    reason,
  });
  // The page follows the review.
  await expect(page.getByText('A moderator rejected it', { exact: false })).toBeVisible();
  await page.getByRole('textbox', { name: 'Why this decision is wrong' }).fill('One is enough.');
  await page.getByRole('button', { name: 'Appeal' }).click();
  await expect(page.getByText('You wrote: “One is enough.”')).toBeVisible();
  await look(page, 'sell-appealed');

  const { items } = await ask<Page<OpenAppeal>>(
    request,
    'admin',
    'GET',
    '/api/v1/admin/appeals?kind=listing&limit=100',
  );
  const appeal = items.find(it => it.member.id === `user_${maker}`);
  if (!appeal) throw new Error('the appeal is not among the open ones');
  await ask(
    request,
    'admin',
    'POST',
    `/api/v1/admin/users/${appeal.member.id}/appeals/${appeal.id}/resolve`,
    { outcome: 'reversed', reason: 'One is enough.' },
  );
  await page.reload();
  await expect(page.getByText('A moderator looks at it.')).toBeVisible();
});
