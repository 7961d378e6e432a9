import { MantineProvider } from '@mantine/core';
import type { Purchase } from '@prolight/client';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from '@tanstack/react-router';
import { cleanup, render, screen, within } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Api } from '../../api.ts';
import type { Config } from '../../config.ts';
import { ServicesProvider } from '../../context.tsx';
import type { SignIn } from '../../session.ts';
import { Purchases } from './Purchases.tsx';

const NINE = { amount: 900, currency: 'usd' };

function purchase(part: Partial<Purchase>): Purchase {
  return {
    id: 'pur_1',
    listing_id: 'lst_1',
    title: 'Edge-lit',
    type: 'lighting_preset',
    version: 1,
    latest_version: 1,
    status: 'pending',
    price: NINE,
    paid: null,
    refunded: { ...NINE, amount: 0 },
    refundable_until: null,
    refund_request: null,
    refunds: [],
    created_at: '2026-11-30T12:00:00Z',
    paid_at: null,
    links: { self: '/x' },
    ...part,
  } as Purchase;
}

/** The page, and what the service answers about one listing beside it. */
async function show(it: Purchase, of: Purchase[] = [it]) {
  const answer = (items: Purchase[]) => new Response(JSON.stringify({ items, next_cursor: null }));
  vi.stubGlobal('fetch', async (url: string) =>
    answer(String(url).includes('listing_id=') ? of : [it]),
  );
  const session = {
    user: {},
    subscribe: () => () => undefined,
    token: async () => undefined,
  } as unknown as SignIn;
  const api = new Api({ api_url: 'https://api.example' } as Config, session);
  const root = createRootRoute();
  const page = createRoute({
    getParentRoute: () => root,
    path: '/market/purchases',
    component: Purchases,
  });
  const router = createRouter({
    routeTree: root.addChildren([page]),
    history: createMemoryHistory({ initialEntries: ['/market/purchases'] }),
  });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <ServicesProvider api={api} session={session}>
          <RouterProvider router={router as never} />
        </ServicesProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
  return within(await screen.findByRole('article', { name: it.title }));
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe('a payment page that is still open', () => {
  const open = purchase({ checkout_url: 'https://stripe.example/pay' });
  const other = (entitlement: Purchase['entitlement']) =>
    purchase({ id: 'pur_2', status: 'paid', entitlement });

  it.each([
    ['nothing else', [open]],
    ['one that was refunded', [open, other('revoked')]],
  ])('is led to beside %s', async (_, of) => {
    const row = await show(open, of);
    const pay = await row.findByRole('link', { name: 'Pay' });
    expect(pay.getAttribute('href')).toBe(open.checkout_url);
  });

  it.each(['active', 'suspended'] as const)('is not paid for what one has: %s', async state => {
    const row = await show(open, [open, other(state)]);
    await row.findByText('You own it by another purchase; this page lapses by itself.');
    expect(row.queryByRole('link', { name: 'Pay' })).toBeNull();
  });
});

describe('a payment that was returned', () => {
  it.each([
    ['already_owned', 'You already owned it, so we returned $9.'],
    ['listing_unlisted', 'It was no longer on sale, so we returned $9.'],
    ['price_changed', 'Its price had changed, so we returned $9.'],
    ['new_reason', 'It could no longer be bought, so we returned $9.'],
  ])('because of %s says so', async (status_code, said) => {
    const row = await show(purchase({ status: 'returned', status_code, paid: NINE }));
    expect(row.getByText(said)).toBeTruthy();
    expect(row.queryByText(/bank/)).toBeNull();
  });
});
