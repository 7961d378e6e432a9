import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, expect, it, vi } from 'vitest';
import { Api } from './api.ts';
import type { Config } from './config.ts';
import { ServicesProvider, useMe } from './context.tsx';
import type { SignIn } from './session.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

it('who signed out, also in another tab, is shown no longer', async () => {
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ id: 'user_kim' })));
  const listeners = new Set<() => void>();
  const session = {
    user: {} as object | null,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    token: async () => undefined,
  };
  const known = session as unknown as SignIn;
  const api = new Api({ api_url: 'https://api.example' } as Config, known);
  const queries = new QueryClient();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>
      <ServicesProvider api={api} session={known}>
        {children}
      </ServicesProvider>
    </QueryClientProvider>
  );
  const { result } = renderHook(() => useMe(), { wrapper });
  await waitFor(() => expect(result.current.data?.id).toBe('user_kim'));
  session.user = null;
  act(() => {
    for (const listener of listeners) listener();
  });
  expect(result.current.data).toBeUndefined();
});
