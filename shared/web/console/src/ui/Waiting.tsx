import { Skeleton } from '@mantine/core';

/** A page on its way. */
export function Waiting() {
  return (
    <div className="page" role="status" aria-label="Loading">
      <Skeleton height={28} width={180} mb="lg" />
      <Skeleton height={160} mb="md" />
      <Skeleton height={160} />
    </div>
  );
}
