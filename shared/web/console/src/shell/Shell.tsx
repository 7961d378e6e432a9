import {
  ActionIcon,
  Button,
  Menu,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core';
import { IconMenu2, IconMoon, IconSun, IconUser } from '@tabler/icons-react';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { suspension, useMe, useServices, useSignedIn } from '../context.tsx';
import { count } from '../ui/format.tsx';
import { LostSession } from './LostSession.tsx';
import classes from './Shell.module.css';

interface Area {
  to: '/studio' | '/gallery' | '/market' | '/sell' | '/account' | '/staff';
  name: string;
}
const AREAS: Area[] = [
  { to: '/studio', name: 'Studio' },
  { to: '/gallery', name: 'Gallery' },
  { to: '/market', name: 'Market' },
  { to: '/sell', name: 'Sell' },
  { to: '/account', name: 'Account' },
];
const STAFF: Area = { to: '/staff', name: 'Staff' };

/** The frame of every page: where one is, what is left to spend, and who one is. */
export function Shell() {
  const me = useMe();
  const areas = me.data?.role ? [...AREAS, STAFF] : AREAS;
  const path = useRouterState({ select: state => state.location.pathname });
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);
  useEffect(() => {
    const name = areas.find(area => path.startsWith(area.to))?.name;
    document.title = name ? `${name} · ProLight` : 'ProLight';
    // A new page is read from its beginning.
    if (shown.current !== path) main.current?.focus({ preventScroll: true });
    shown.current = path;
  }, [path, areas]);
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#main">
        Skip to the content
      </a>
      <header className={classes.header}>
        <Link to="/studio" className={classes.brand} aria-label="ProLight, studio">
          <Mark />
          <span>ProLight</span>
        </Link>
        <nav className={classes.nav} aria-label="Areas">
          {areas.map(area => (
            <Link
              key={area.to}
              to={area.to}
              className={classes.link}
              activeProps={{ 'data-active': true, 'aria-current': 'page' }}
            >
              {area.name}
            </Link>
          ))}
        </nav>
        <div className={classes.right}>
          <Balance />
          <SchemeToggle />
          <Person areas={areas} />
        </div>
      </header>
      <LostSession />
      {suspension(me.data) && !path.startsWith('/account') && (
        <p className={classes.suspended} role="status">
          Your account is suspended: you can only look at what is yours.{' '}
          <Link to="/account">Why, and how to appeal</Link>
        </p>
      )}
      {(me.data?.status === 'deleting' || me.data?.status === 'deleted') && (
        <p className={classes.suspended} role="status">
          {me.data.status === 'deleting'
            ? 'Your account is being deleted: it can only be read.'
            : 'Your account is deleted. You can sign in as a new member a day later.'}
        </p>
      )}
      <main id="main" ref={main} tabIndex={-1} className={classes.main}>
        <Outlet />
      </main>
    </div>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
      <path d="M16 16 5.5 26.5a15 15 0 0 1 0-21z" fill="var(--accent)" />
      <circle cx="19" cy="16" r="5.6" fill="none" stroke="currentColor" strokeWidth="2" />
    </svg>
  );
}

function Balance() {
  const { data } = useMe();
  if (!data) return null;
  const { available, debt, unlimited } = data.credits;
  return (
    <Link to="/account" search={{ tab: 'credits' }} className={classes.balance}>
      <strong>{unlimited ? '∞' : count(available ?? 0)}</strong>
      <span> {unlimited ? 'fair use' : available === 1 ? 'credit' : 'credits'}</span>
      {debt > 0 && <em>{count(debt)} owed</em>}
    </Link>
  );
}

function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme({
    // Without them the library writes a style element, which our policy forbids.
    keepTransitions: true,
  });
  // Until one is chosen, it is the browser's.
  const dark = useComputedColorScheme('dark') === 'dark';
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={dark ? 'Use the light theme' : 'Use the dark theme'}
      onClick={() => setColorScheme(dark ? 'light' : 'dark')}
    >
      {dark ? <IconSun size={18} stroke={1.6} /> : <IconMoon size={18} stroke={1.6} />}
    </ActionIcon>
  );
}

function Person({ areas }: { areas: Area[] }) {
  const { session } = useServices();
  const signedIn = useSignedIn();
  const me = useMe();
  const here = useRouterState({ select: state => state.location.href });
  return (
    <>
      {!signedIn && (
        <Button size="xs" onClick={() => session.begin(here)}>
          Sign in
        </Button>
      )}
      <Menu position="bottom-end" width={220} withinPortal>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={signedIn ? 'You' : 'Menu'}
            className={signedIn ? undefined : classes.onlyNarrow}
          >
            {signedIn && <IconUser className={classes.onlyWide} size={18} stroke={1.6} />}
            <IconMenu2 className={classes.onlyNarrow} size={18} stroke={1.6} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {me.data && (
            <Menu.Label>
              {me.data.display_name ?? me.data.email}
              <br />
              {me.data.plan} plan{me.data.role ? `, ${me.data.role}` : ''}
            </Menu.Label>
          )}
          <div className={classes.narrowAreas}>
            {areas.map(area => (
              <Menu.Item key={area.to} component={Link} to={area.to}>
                {area.name}
              </Menu.Item>
            ))}
          </div>
          <Menu.Item component={Link} to="/market/purchases">
            Purchases
          </Menu.Item>
          {signedIn && (
            <>
              <Menu.Divider />
              <Menu.Item onClick={() => session.end()}>Sign out</Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
