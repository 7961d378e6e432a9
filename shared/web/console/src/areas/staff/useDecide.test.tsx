import { type Ask, Problem } from '@prolight/client';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { describe, expect, it, vi } from 'vitest';
import { useDecide } from './useDecide.ts';

/** A member of staff who decides, and the keys under which that is sent. */
function decisions() {
  const client = new QueryClient();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  );
  const { result } = renderHook(() => useDecide(), { wrapper });
  const keys: (string | undefined)[] = [];
  const close = vi.fn();
  const decide = async (what: string, status?: number) => {
    const send = async ({ idempotencyKey }: Ask) => {
      keys.push(idempotencyKey);
      if (status !== undefined) throw new Problem({ title: 'No', status, code: 'some_code' });
    };
    act(() => result.current.mutate({ what, send, said: 'Done.', close }));
    await waitFor(() => expect(result.current.isPending).toBe(false));
  };
  return { decide, keys, close };
}

describe('a decision', () => {
  it.each([
    ['whose answer is lost has the same key when it is repeated', 0, 'Refund', true],
    ['that fails for now has the same key when it is repeated', 503, 'Refund', true],
    ['that is refused has another key when it is repeated', 409, 'Refund', false],
    ['that is carried out has another key the next time', undefined, 'Refund', false],
    ['that is another one has another key', 0, 'Decline', false],
  ])('%s', async (_, status, next, isSame) => {
    const { decide, keys } = decisions();
    await decide('Refund', status);
    await decide(next);
    expect(keys).toHaveLength(2);
    expect(keys[0] === keys[1]).toBe(isSame);
  });

  it('closes its form only when it is carried out', async () => {
    const { decide, close } = decisions();
    await decide('Refund', 409);
    expect(close).not.toHaveBeenCalled();
    await decide('Refund');
    expect(close).toHaveBeenCalledOnce();
  });
});
