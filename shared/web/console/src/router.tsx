import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { Callback } from './shell/Callback.tsx';
import { Crash } from './shell/Crash.tsx';
import { NotFound } from './shell/NotFound.tsx';
import { part } from './shell/parts.ts';
import { Shell } from './shell/Shell.tsx';
import { Waiting } from './ui/Waiting.tsx';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

/** A search parameter that is text, or absent. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The named search parameters that are text. */
function texts<K extends string>(...names: K[]) {
  return (search: Record<string, unknown>): { [name in K]?: string } => {
    const found: { [name in K]?: string } = {};
    for (const name of names) {
      const value = text(search[name]);
      if (value !== undefined) found[name] = value;
    }
    return found;
  };
}

const signedIn = createRoute({
  getParentRoute: () => root,
  path: '/signed-in',
  component: Callback,
});
const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/studio' });
  },
});

const studio = createRoute({
  getParentRoute: () => root,
  path: '/studio',
  validateSearch: texts('from', 'listing'),
  component: lazyRouteComponent(
    part(() => import('./areas/studio/Studio.tsx')),
    'Studio',
  ),
});
const gallery = createRoute({
  getParentRoute: () => root,
  path: '/gallery',
  validateSearch: texts('status', 'open', 'from', 'to'),
  component: lazyRouteComponent(
    part(() => import('./areas/gallery/Gallery.tsx')),
    'Gallery',
  ),
});
const market = createRoute({
  getParentRoute: () => root,
  path: '/market',
  validateSearch: texts(
    'q',
    'type',
    'category',
    'tag',
    'creator',
    'rating',
    'free',
    'price',
    'sort',
  ),
  component: lazyRouteComponent(
    part(() => import('./areas/market/Market.tsx')),
    'Market',
  ),
});
const listing = createRoute({
  getParentRoute: () => root,
  path: '/market/listings/$id',
  validateSearch: texts('ref'),
  component: lazyRouteComponent(
    part(() => import('./areas/market/ListingPage.tsx')),
    'ListingPage',
  ),
});
const purchases = createRoute({
  getParentRoute: () => root,
  path: '/market/purchases',
  validateSearch: texts('new'),
  component: lazyRouteComponent(
    part(() => import('./areas/market/Purchases.tsx')),
    'Purchases',
  ),
});
const account = createRoute({
  getParentRoute: () => root,
  path: '/account',
  validateSearch: texts('tab', 'paid'),
  component: lazyRouteComponent(
    part(() => import('./areas/account/Account.tsx')),
    'Account',
  ),
});
const sell = createRoute({
  getParentRoute: () => root,
  path: '/sell',
  validateSearch: texts('tab'),
  component: lazyRouteComponent(
    part(() => import('./areas/sell/Sell.tsx')),
    'Sell',
  ),
});
const newListing = createRoute({
  getParentRoute: () => root,
  path: '/sell/new',
  validateSearch: texts('type'),
  component: lazyRouteComponent(
    part(() => import('./areas/sell/NewListing.tsx')),
    'NewListing',
  ),
});
const editListing = createRoute({
  getParentRoute: () => root,
  path: '/sell/listings/$id',
  component: lazyRouteComponent(
    part(() => import('./areas/sell/EditListing.tsx')),
    'EditListing',
  ),
});
const staff = createRoute({
  getParentRoute: () => root,
  path: '/staff',
  validateSearch: texts(
    'tab',
    'member',
    'from',
    'to',
    'creator',
    'buyer',
    'listing',
    'by',
    'on',
    'what',
    'chain',
  ),
  component: lazyRouteComponent(
    part(() => import('./areas/staff/Staff.tsx')),
    'Staff',
  ),
});

/** Where Stripe's pages and shared links send people: the API names these addresses. */
function back(path: string, to: (search: Record<string, unknown>, id: string) => never) {
  return createRoute({
    getParentRoute: () => root,
    path,
    beforeLoad: ({ search, params }) => to(search, (params as { id?: string }).id ?? ''),
  });
}
const returns = [
  back('/billing/success', search => {
    throw redirect({ to: '/account', search: { paid: text(search.checkout_id) ?? 'yes' } });
  }),
  back('/billing/cancelled', () => {
    throw redirect({ to: '/account', search: { paid: 'no' } });
  }),
  back('/billing', () => {
    throw redirect({ to: '/account', search: {} });
  }),
  back('/creator/payouts', () => {
    throw redirect({ to: '/sell', search: { tab: 'payouts' } });
  }),
  back('/marketplace', () => {
    throw redirect({ to: '/market', search: {} });
  }),
  back('/marketplace/listings/$id', (search, id) => {
    throw redirect({
      to: '/market/listings/$id',
      params: { id },
      search: { ref: text(search.ref) },
    });
  }),
  back('/marketplace/purchases/$id', (_, id) => {
    throw redirect({ to: '/market/purchases', search: { new: id } });
  }),
];

const tree = root.addChildren([
  signedIn,
  home,
  studio,
  gallery,
  market,
  listing,
  purchases,
  account,
  sell,
  newListing,
  editListing,
  staff,
  ...returns,
]);

export function makeRouter() {
  return createRouter({
    routeTree: tree,
    defaultPendingComponent: Waiting,
    defaultErrorComponent: Crash,
    defaultPreload: 'intent',
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
