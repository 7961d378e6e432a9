import { Button } from '@mantine/core';
import type { ErrorComponentProps } from '@tanstack/react-router';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { isNotLoaded } from './parts.ts';

/** A page that failed to load or to draw. */
export function Crash({ error, reset }: ErrorComponentProps) {
  if (isNotLoaded(error)) return <Missing />;
  return (
    <div className="page center-page">
      <h1>This page failed</h1>
      <p>
        {error instanceof Error ? error.message : 'An unexpected error'}. What you entered is kept.
      </p>
      <Button onClick={reset}>Try again</Button>
    </div>
  );
}

/**
 * A browser asks once for a part of the program: only the whole page loaded again asks anew.
 * Without a connection that would lose this page as well, so it waits for one.
 */
function Missing() {
  const isOnline = useSyncExternalStore(subscribe, () => navigator.onLine);
  const [isAwaited, setIsAwaited] = useState(false);
  useEffect(() => {
    if (isOnline && isAwaited) location.reload();
  }, [isOnline, isAwaited]);
  return (
    <div className="page center-page">
      <h1>{isOnline ? 'This page could not be loaded' : 'No connection'}</h1>
      <p role="status">
        {isOnline
          ? 'A newer version may have been published, or the connection was lost.'
          : isAwaited
            ? 'There is still no connection. The page is loaded as soon as there is one.'
            : 'This page was not loaded before. What you entered is kept.'}
      </p>
      <Button onClick={() => setIsAwaited(true)}>Try again</Button>
    </div>
  );
}

function subscribe(change: () => void): () => void {
  window.addEventListener('online', change);
  window.addEventListener('offline', change);
  return () => {
    window.removeEventListener('online', change);
    window.removeEventListener('offline', change);
  };
}
