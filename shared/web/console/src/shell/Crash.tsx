import { Button } from '@mantine/core';
import type { ErrorComponentProps } from '@tanstack/react-router';

/** A page that failed to load or to draw. */
export function Crash({ error, reset }: ErrorComponentProps) {
  const stale = /dynamically imported module|module script/i.test(String(error));
  return (
    <div className="page center-page">
      <h1>{stale ? 'This page could not be loaded' : 'This page failed'}</h1>
      <p>
        {stale
          ? 'A newer version may have been published, or the connection was lost.'
          : `${error instanceof Error ? error.message : 'An unexpected error'}. What you entered is kept.`}
      </p>
      <Button onClick={() => (stale ? location.reload() : reset())}>Try again</Button>
    </div>
  );
}
