import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Api } from '../../api.ts';
import type { Config } from '../../config.ts';
import { ServicesProvider } from '../../context.tsx';
import type { SignIn } from '../../session.ts';
import { Profile } from './Profile.tsx';
import { ChangeWebhook } from './WebhookForm.tsx';

interface Sent {
  ifMatch: string | null;
  body: unknown;
}

/** The service, for one thing at one path: its tag is its number of changes. */
function serve(stored: Record<string, unknown>) {
  let changes = 0;
  const sent: Sent[] = [];
  const change = (part: object) => {
    changes += 1;
    Object.assign(stored, part);
  };
  const answer = (body: unknown, status = 200) =>
    new Response(JSON.stringify(body), { status, headers: { ETag: `"${changes}"` } });
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    if (init.method === 'GET') return answer(stored);
    const ifMatch = new Headers(init.headers).get('If-Match');
    const body = JSON.parse(String(init.body)) as object;
    sent.push({ ifMatch, body });
    if (ifMatch !== `"${changes}"`) {
      return answer({ title: 'Precondition failed', code: 'precondition_failed' }, 412);
    }
    change(body);
    return answer(stored);
  });
  return { sent, change, stored };
}

function show(page: ReactNode) {
  const session = {
    user: {},
    subscribe: () => () => undefined,
    token: async () => undefined,
  } as unknown as SignIn;
  const api = new Api({ api_url: 'https://api.example' } as Config, session);
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <ServicesProvider api={api} session={session}>
          {page}
        </ServicesProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
}

const field = (name: string) => screen.getByRole<HTMLInputElement>('textbox', { name });
const enter = (name: string, value: string) => fireEvent.change(field(name), { target: { value } });
const press = (name: string) => fireEvent.click(screen.getByRole('button', { name }));

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe('the profile', () => {
  it('is not saved over what another tab saved, unless the member says so', async () => {
    const service = serve({ id: 'user_kim', display_name: 'Kim', bio: null, deletion: null });
    show(<Profile />);
    await screen.findByRole('button', { name: 'Save' });
    enter('Name', 'Kim K.');
    service.change({ display_name: 'Kimberly' });
    press('Save');
    const choice = await screen.findByRole('alert');
    expect(within(choice).getByText(/by a program: name\./)).toBeTruthy();
    expect(service.sent).toEqual([]);
    expect(field('Name').value).toBe('Kim K.');
    press('Keep mine and save over it');
    await waitFor(() => expect(service.stored.display_name).toBe('Kim K.'));
    expect(service.sent).toEqual([{ ifMatch: '"1"', body: { display_name: 'Kim K.', bio: null } }]);
    await waitFor(() => expect(screen.queryByRole('alert')).toBeNull());
    // One's own second save meets no choice.
    enter('About you', 'Light.');
    press('Save');
    await waitFor(() => expect(service.stored.bio).toBe('Light.'));
    expect(service.sent.at(-1)?.ifMatch).toBe('"2"');
  });
});

describe('a webhook', () => {
  const WEBHOOK = {
    id: 'whk_1',
    url: 'https://example.com/one',
    description: null,
    events: ['payout.paid'],
    status: 'enabled',
  };

  it('is loaded as another tab saved it, where the member says so', async () => {
    const service = serve({ ...WEBHOOK });
    const onStored = vi.fn();
    const it = { ...WEBHOOK } as Parameters<typeof ChangeWebhook>[0]['it'];
    show(<ChangeWebhook it={it} onStored={onStored} />);
    press('Change');
    enter('Note', 'Ours');
    service.change({ url: 'https://example.com/two' });
    press('Save');
    await screen.findByRole('alert');
    expect(onStored).toHaveBeenCalledOnce();
    expect(field('Note').value).toBe('Ours');
    press('Load what is stored');
    expect(field('Address').value).toBe('https://example.com/two');
    expect(field('Note').value).toBe('');
    enter('Note', 'Theirs');
    press('Save');
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(service.sent).toEqual([
      {
        ifMatch: '"1"',
        body: {
          url: 'https://example.com/two',
          description: 'Theirs',
          events: ['payout.paid'],
        },
      },
    ]);
  });
});
