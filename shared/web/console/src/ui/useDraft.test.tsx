import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readDraft, useDraft } from './useDraft.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  localStorage.clear();
});

function draft() {
  const { result, unmount } = renderHook(() => useDraft('note', () => ({ text: '' })));
  const write = (text: string) => {
    act(() => result.current[1]({ text }));
    act(() => vi.advanceTimersByTime(200));
  };
  return { write, unmount, value: () => result.current[0] };
}

describe('a draft', () => {
  it('is there again after the page was left', () => {
    const { write, unmount } = draft();
    write('half a sentence');
    unmount();
    expect(draft().value()).toEqual({ text: 'half a sentence' });
  });

  it('is not kept while it is as it began', () => {
    const { write } = draft();
    act(() => vi.advanceTimersByTime(200));
    expect(readDraft('note')).toBeUndefined();
    write('half a sentence');
    expect(readDraft('note')).toEqual({ text: 'half a sentence' });
    write('');
    expect(readDraft('note')).toBeUndefined();
  });

  it('is not forgotten by another tab that has none', () => {
    const [one, other] = [draft(), draft()];
    one.write('half a sentence');
    other.write('');
    expect(draft().value()).toEqual({ text: 'half a sentence' });
  });
});
