import type { LedgerEntry, Usage } from '@prolight/client';
import { describe, expect, it } from 'vitest';
import { amount, days, what } from './Credits.tsx';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const usage = (part: Partial<Usage>) =>
  ({ period_starts_at: null, period_ends_at: null, by_day: [], ...part }) as Usage;

describe('the days of a chart', () => {
  it('are those of the whole period, also after one day of use', () => {
    const found = days(
      usage({
        period_starts_at: '2026-11-22T09:00:00Z',
        period_ends_at: '2026-12-22T09:00:00Z',
        by_day: [{ date: '2026-11-30', used: 3 }],
      }),
      NOW,
    );
    expect(found).toHaveLength(31);
    expect(found[0]).toEqual({ date: '2026-11-22', used: 0 });
    expect(found.at(-1)?.date).toBe('2026-12-22');
    expect(found.filter(it => it.used > 0)).toEqual([{ date: '2026-11-30', used: 3 }]);
  });

  it('end before a period that begins at midnight', () => {
    const found = days(
      usage({ period_starts_at: '2026-11-01T00:00:00Z', period_ends_at: '2026-12-01T00:00:00Z' }),
      NOW,
    );
    expect(found.at(-1)?.date).toBe('2026-11-30');
    expect(found).toHaveLength(30);
  });

  it('are the last thirty without a period', () => {
    const found = days(usage({ by_day: [{ date: '2026-11-30', used: 1 }] }), NOW);
    expect(found).toHaveLength(30);
    expect(found.at(-1)).toEqual({ date: '2026-11-30', used: 1 });
  });
});

describe('a movement of the ledger', () => {
  const entry = (part: object) => part as LedgerEntry;
  const shares = [{ lot: 'a', credits: 1 }];
  const grant = (source: string, size: unknown) =>
    entry({ kind: 'grant', lot: { id: 'x', source, size } });
  it.each([
    [entry({ kind: 'hold', shares }), 'Held', '−1'],
    [entry({ kind: 'capture', shares }), 'Charged', '–'],
    [entry({ kind: 'release', shares }), 'Returned', '+1'],
    [entry({ kind: 'owe', credits: 2 }), 'Owed', '2'],
    [grant('purchase', { credits: 50 }), 'Pack of 50', '+50'],
    [grant('plan', 'unlimited'), 'Credits of the plan', 'unlimited'],
  ])('%o', (it, called, credits) => {
    expect(what(it)).toBe(called);
    expect(amount(it)).toBe(credits);
  });
});
