import { Button } from '@mantine/core';
import { useRouterState } from '@tanstack/react-router';
import { useRef } from 'react';
import { useServices, useSignedIn } from '../context.tsx';
import classes from './LostSession.module.css';

/** Says that a session ended by itself. What was entered stays on the page and in this browser. */
export function LostSession() {
  const { session } = useServices();
  const signedIn = useSignedIn();
  const here = useRouterState({ select: state => state.location.href });
  const before = useRef(signedIn);
  if (signedIn) before.current = true;
  if (signedIn || !before.current) return null;
  return (
    <div className={classes.bar} role="alert">
      <span>You have been signed out. What you entered is kept.</span>
      <Button size="xs" onClick={() => session.begin(here)}>
        Sign in again
      </Button>
    </div>
  );
}
