import { MantineProvider } from '@mantine/core';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Crash } from './Crash.tsx';
import { NotLoaded, part } from './parts.ts';

const reload = vi.fn();
const reset = vi.fn();

function show(error: Error) {
  render(
    <MantineProvider env="test">
      <Crash error={error} reset={reset} />
    </MantineProvider>,
  );
}

function connect(isOnline: boolean) {
  vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(isOnline);
  act(() => void window.dispatchEvent(new Event(isOnline ? 'online' : 'offline')));
}

const tryAgain = () => fireEvent.click(screen.getByRole('button', { name: 'Try again' }));

beforeEach(() => {
  reload.mockClear();
  reset.mockClear();
  vi.spyOn(location, 'reload').mockImplementation(reload);
});
afterEach(cleanup);

describe.each(
  [
    'Unable to preload CSS for /assets/Gallery-abc.css',
    'Failed to fetch dynamically imported module: https://example.com/assets/Gallery-abc.js',
    'error loading dynamically imported module',
    'Importing a module script failed.',
    new NotLoaded('no connection'),
  ].map(it => [it instanceof Error ? it : new Error(it)]),
)('a part that did not come: %s', error => {
  it('is asked for with the whole page', () => {
    connect(true);
    show(error);
    expect(screen.getByRole('heading').textContent).toBe('This page could not be loaded');
    expect(reload).not.toHaveBeenCalled();
    tryAgain();
    expect(reload).toHaveBeenCalledOnce();
    expect(reset).not.toHaveBeenCalled();
  });

  it('waits for a connection', () => {
    connect(false);
    show(error);
    expect(screen.getByRole('heading').textContent).toBe('No connection');
    tryAgain();
    expect(reload).not.toHaveBeenCalled();
    expect(screen.getByText(/as soon as there is one/)).toBeTruthy();
    connect(true);
    expect(reload).toHaveBeenCalledOnce();
  });
});

it('a page that failed is drawn again', () => {
  show(new Error('no such light'));
  expect(screen.getByText(/no such light/)).toBeTruthy();
  tryAgain();
  expect(reset).toHaveBeenCalledOnce();
  expect(reload).not.toHaveBeenCalled();
});

describe('a part whose loading fails', () => {
  const failure = new TypeError('Failed to fetch dynamically imported module: /assets/a.js');
  const load = part(() => Promise.reject(failure));

  it('is left to the router, which loads the page again', async () => {
    connect(true);
    await expect(load()).rejects.toBe(failure);
  });

  it('leaves the page as it is without a connection', async () => {
    connect(false);
    await expect(load()).rejects.toBeInstanceOf(NotLoaded);
  });
});
