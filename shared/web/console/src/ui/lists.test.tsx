import { MantineProvider } from '@mantine/core';
import { Problem } from '@prolight/client';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Api } from '../api.ts';
import { ServicesProvider } from '../context.tsx';
import type { SignIn } from '../session.ts';
import { List } from './lists.tsx';

afterEach(cleanup);

const NOTHING = {
  isPending: false,
  error: null as unknown,
  refetch: vi.fn(),
  hasNextPage: false,
  isFetchingNextPage: false,
  fetchNextPage: vi.fn(),
  items: [] as unknown[],
};

function show(query: Partial<typeof NOTHING>) {
  const session = { begin: vi.fn() } as unknown as SignIn;
  render(
    <MantineProvider env="test">
      <ServicesProvider api={{} as Api} session={session}>
        <List query={{ ...NOTHING, ...query }} empty="Nothing yet.">
          <p>the items</p>
        </List>
      </ServicesProvider>
    </MantineProvider>,
  );
  return session;
}

function problem(status: number, more: object = {}): Problem {
  return new Problem({
    title: 'Too many requests',
    status,
    code: 'some_code',
    detail: 'Wait a little.',
    request_id: 'r-1',
    ...more,
  });
}

describe('a list', () => {
  it('says that it is on its way', () => {
    show({ isPending: true });
    expect(screen.getByRole('status', { name: 'Loading' })).toBeTruthy();
  });

  it('says that it is empty', () => {
    show({});
    expect(screen.getByText('Nothing yet.')).toBeTruthy();
  });

  it('says that nothing is lost where there is no connection', () => {
    show({ error: problem(0, { code: 'no_connection' }) });
    expect(screen.getByText(/nothing you entered is lost/)).toBeTruthy();
  });

  it('says why it failed, in the words of the service, and tries again', () => {
    const refetch = vi.fn();
    show({ error: problem(429), refetch });
    expect(screen.getByText('Wait a little.')).toBeTruthy();
    expect(screen.getByText('Request r-1')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(refetch).toHaveBeenCalledOnce();
  });

  it('names every invalid field', () => {
    const errors = [{ pointer: '/lighting/lights/2/size', code: 'range', detail: 'Too large.' }];
    show({ error: problem(422, { errors }) });
    expect(screen.getByText('Lighting, lights, 3, size:')).toBeTruthy();
    expect(screen.getByText('Too large.')).toBeTruthy();
  });

  it('offers the way in to whoever is not signed in', () => {
    const session = show({ error: problem(401) });
    fireEvent.click(screen.getByRole('button', { name: 'Sign in' }));
    expect(session.begin).toHaveBeenCalledOnce();
  });

  it('keeps what it has when a later page fails', () => {
    show({ items: [1], error: problem(500), hasNextPage: true });
    expect(screen.getByText('the items')).toBeTruthy();
    expect(screen.getByText('Wait a little.')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Show more' })).toBeTruthy();
  });

  it('goes on after a page on which nothing matches', () => {
    const fetchNextPage = vi.fn();
    show({ hasNextPage: true, fetchNextPage });
    expect(screen.queryByText('Nothing yet.')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Show more' }));
    expect(fetchNextPage).toHaveBeenCalledOnce();
  });

  it('has more, until its end', () => {
    const fetchNextPage = vi.fn();
    show({ items: [1], hasNextPage: true, fetchNextPage });
    fireEvent.click(screen.getByRole('button', { name: 'Show more' }));
    expect(fetchNextPage).toHaveBeenCalledOnce();
    cleanup();
    show({ items: Array.from({ length: 9 }) });
    expect(screen.getByText('That is all.')).toBeTruthy();
  });
});
