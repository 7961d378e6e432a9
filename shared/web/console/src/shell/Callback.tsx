import { Button } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useServices } from '../context.tsx';
import { Waiting } from '../ui/Waiting.tsx';

/** The way back from the sign-in page. */
export function Callback() {
  const { session } = useServices();
  const navigate = useNavigate();
  const begun = useRef(false);
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    // The code works once, and React runs an effect twice while developing.
    if (begun.current) return;
    begun.current = true;
    session
      .complete()
      .then(to => navigate({ href: to, replace: true }))
      .catch((error: unknown) =>
        setFailure(error instanceof Error ? error.message : String(error)),
      );
  }, [session, navigate]);
  if (failure === undefined) return <Waiting />;
  return (
    <div className="page center-page">
      <h1>You are not signed in</h1>
      <p>The sign-in page answered: {failure}.</p>
      <Button onClick={() => session.begin('/studio')}>Sign in again</Button>
    </div>
  );
}
