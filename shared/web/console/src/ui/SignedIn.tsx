import { Button } from '@mantine/core';
import { useRouterState } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useServices, useSignedIn } from '../context.tsx';

/** What only a member sees; a visitor is offered the way in. */
export function SignedIn({ title, children }: { title: string; children: ReactNode }) {
  const { session } = useServices();
  const signedIn = useSignedIn();
  const here = useRouterState({ select: state => state.location.href });
  if (signedIn) return <>{children}</>;
  return (
    <div className="center-page">
      <h1>{title}</h1>
      <p className="quiet">Sign in to go on. You come back to this page.</p>
      <Button onClick={() => session.begin(here)}>Sign in</Button>
    </div>
  );
}
