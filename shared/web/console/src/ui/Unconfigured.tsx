import { Button } from '@mantine/core';

/** The console cannot tell which service it belongs to. */
export function Unconfigured({ reason }: { reason: unknown }) {
  return (
    <main className="center-page">
      <h1>The console cannot start</h1>
      <p>
        Its settings cannot be read: {reason instanceof Error ? reason.message : 'no answer'}. Check
        your connection and try again.
      </p>
      <Button onClick={() => location.reload()}>Try again</Button>
    </main>
  );
}
