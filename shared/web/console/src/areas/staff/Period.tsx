import { Button } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Days } from '../../ui/Days.tsx';

const DAY_MS = 86_400_000;

function daysBack(days: number): string {
  return new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);
}

/** The period that the numbers are of; the address keeps it. */
export function usePeriod(): { from: string; to: string } {
  const search = useSearch({ from: '/staff' });
  return { from: search.from ?? daysBack(30), to: search.to ?? daysBack(0) };
}

export function Period() {
  const search = useSearch({ from: '/staff' });
  const { from, to } = usePeriod();
  const navigate = useNavigate();
  const set = (next: { from: string; to: string }) =>
    navigate({ to: '/staff', search: { ...search, ...next }, replace: true });
  return (
    <div className="row">
      <Days
        from={from}
        to={to}
        onChange={next => set({ from: next.from ?? from, to: next.to ?? to })}
      />
      {[7, 30, 90].map(days => (
        <Button
          key={days}
          size="compact-xs"
          variant="default"
          onClick={() => set({ from: daysBack(days), to: daysBack(0) })}
        >
          {days} days
        </Button>
      ))}
    </div>
  );
}
