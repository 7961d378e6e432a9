import { MantineProvider } from '@mantine/core';
import type { Generation } from '@prolight/client';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { Api } from '../../api.ts';
import type { Config } from '../../config.ts';
import { ServicesProvider } from '../../context.tsx';
import type { SignIn } from '../../session.ts';
import { Toasts } from '../../ui/Toasts.tsx';
import { Follow } from './Picture.tsx';

function show(status: Generation['status']) {
  const session = {
    user: {},
    subscribe: () => () => undefined,
    token: async () => undefined,
  } as unknown as SignIn;
  const api = new Api({ api_url: 'https://api.example' } as Config, session);
  const it = { id: 'gen_1', status, created_at: '2026-11-30T12:00:00Z' } as Generation;
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <ServicesProvider api={api} session={session}>
          <Toasts />
          <Follow it={it} />
        </ServicesProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
}

const cancel = () => screen.queryByRole('button', { name: 'Cancel' });

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it('a picture is cancelled only while it waits for a worker', () => {
  show('queued');
  expect(cancel()).not.toBeNull();
  for (const status of ['submitting', 'submitted', 'succeeded', 'cancelled'] as const) {
    cleanup();
    show(status);
    expect(cancel()).toBeNull();
  }
});

it('a cancellation that comes too late says so', async () => {
  const body = {
    title: 'Conflict',
    status: 409,
    code: 'generation_already_submitted',
    detail: 'The provider makes the picture already.',
  };
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify(body), { status: 409 }));
  show('queued');
  fireEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  const toast = await screen.findByRole('alert');
  expect(toast.textContent).toContain('Too late to cancel');
  expect(toast.textContent).toContain('makes the picture already');
});
