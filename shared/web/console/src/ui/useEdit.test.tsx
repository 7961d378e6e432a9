import { MantineProvider } from '@mantine/core';
import { type Ask, Problem } from '@prolight/client';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import {
  act,
  cleanup,
  fireEvent,
  render,
  renderHook,
  screen,
  waitFor,
} from '@testing-library/react';
import { type ReactNode, useState } from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConflictNotice } from './ConflictNotice.tsx';
import { Toasts } from './Toasts.tsx';
import { useEdit } from './useEdit.ts';

interface Thing {
  title: string;
  text: string;
  /** Not edited: what visitors count up. */
  views: number;
}
interface Draft {
  title: string;
  text: string;
}

const draftOf = ({ title, text }: Thing): Draft => ({ title, text });

/** The service: what is stored has a tag, and a change with another one is refused. */
class Service {
  stored: Thing = { title: 'One', text: 'Soft.', views: 0 };
  /** The tags that changes came with. */
  tags: string[] = [];
  /** What happens between a read and the change that follows it. */
  meanwhile: ((stored: Thing) => Partial<Thing>)[] = [];
  /** Whether the answer to the next change is lost. */
  isLost = false;

  get tag(): string {
    return JSON.stringify(JSON.stringify(this.stored));
  }

  read = async () => {
    const answer = { data: { ...this.stored }, etag: this.tag };
    this.change(this.meanwhile.shift()?.(this.stored) ?? {});
    return { ...answer, status: 200, location: undefined, retryAfterS: undefined };
  };

  write = async (draft: Draft, { headers }: Ask) => {
    const tag = headers?.['If-Match'] ?? '';
    this.tags.push(tag);
    if (tag !== this.tag) {
      throw new Problem({ title: 'Precondition failed', status: 412, code: 'precondition_failed' });
    }
    this.change(draft);
    if (this.isLost) {
      this.isLost = false;
      throw new Problem({ title: 'No answer', status: 0, code: 'timeout' });
    }
    return { ...this.stored };
  };

  /** As from another tab. */
  change(part: Partial<Thing>): void {
    this.stored = { ...this.stored, ...part };
  }
}

const client = new QueryClient();

function wrapper({ children }: { children: ReactNode }) {
  return <QueryClientProvider client={client}>{children}</QueryClientProvider>;
}

function useTab(service: Service, keptAs?: string, isProblemShown?: boolean) {
  const [stored, setStored] = useState(service.stored);
  const edit = useEdit({
    stored,
    draftOf,
    keptAs,
    action: 'Save',
    read: service.read,
    write: service.write,
    onStored: setStored,
    onSaved: () => undefined,
    isProblemShown,
  });
  return { ...edit, stored, refetch: () => setStored(service.stored) };
}

/** A tab in which the thing is edited. */
function tab(service: Service, keptAs?: string, isProblemShown?: boolean) {
  const { result, unmount } = renderHook(() => useTab(service, keptAs, isProblemShown), {
    wrapper,
  });
  const ended = () => waitFor(() => expect(result.current.isSaving).toBe(false));
  return {
    now: () => result.current,
    enter: (part: Partial<Draft>) => act(() => result.current.change(part)),
    refetch: () => act(() => result.current.refetch()),
    discard: () => act(() => result.current.discard()),
    save: async () => {
      act(() => result.current.save());
      await ended();
    },
    keep: async () => {
      act(() => result.current.keep());
      await ended();
    },
    unmount,
  };
}

afterEach(() => {
  cleanup();
  localStorage.clear();
});

describe('a save', () => {
  it('names the tag of what was read, also the second time in the same tab', async () => {
    const service = new Service();
    const { enter, save, now } = tab(service);
    const first = service.tag;
    enter({ title: 'Two' });
    expect(now().isChanged).toBe(true);
    await save();
    expect(now().isChanged).toBe(false);
    const second = service.tag;
    enter({ title: 'Three' });
    await save();
    expect(service.tags).toEqual([first, second]);
    expect(service.stored.title).toBe('Three');
    expect(now().conflict).toBeUndefined();
  });

  it('is not stopped by what is not edited: a picture, a visitor, a sale', async () => {
    const service = new Service();
    const { enter, save } = tab(service);
    enter({ title: 'Two' });
    service.change({ views: 1 });
    service.meanwhile = [it => ({ views: it.views + 1 })];
    await save();
    expect(service.tags).toHaveLength(2);
    expect(service.stored).toEqual({ title: 'Two', text: 'Soft.', views: 2 });
  });

  it('leaves what is entered while it is sent', async () => {
    const service = new Service();
    const { enter, save, now } = tab(service);
    enter({ title: 'Two' });
    service.meanwhile = [
      () => {
        act(() => now().change({ text: 'Hard.' }));
        return {};
      },
    ];
    await save();
    expect(service.stored).toMatchObject({ title: 'Two', text: 'Soft.' });
    expect(now().draft).toEqual({ title: 'Two', text: 'Hard.' });
    expect(now().isChanged).toBe(true);
    await save();
    expect(service.stored).toMatchObject({ title: 'Two', text: 'Hard.' });
  });

  it('whose answer was lost is repeated, and is no change of somebody else', async () => {
    const service = new Service();
    service.isLost = true;
    const { enter, save, now } = tab(service);
    enter({ title: 'Two' });
    await save();
    expect(now().problem?.code).toBe('timeout');
    expect(now().draft.title).toBe('Two');
    await save();
    expect(now().conflict).toBeUndefined();
    expect(now().isChanged).toBe(false);
  });
});

describe('a save that fails', () => {
  it.each([
    ['is announced', undefined, 1],
    ['is not announced where the page shows why', true, 0],
  ])('%s', async (_, isProblemShown, announced) => {
    render(
      <MantineProvider env="test">
        <Toasts />
      </MantineProvider>,
    );
    for (const old of screen.queryAllByRole('button', { name: 'Dismiss' })) fireEvent.click(old);
    const service = new Service();
    service.isLost = true;
    const { enter, save, now } = tab(service, undefined, isProblemShown);
    enter({ title: 'Two' });
    await save();
    expect(now().problem?.code).toBe('timeout');
    expect(screen.queryAllByText('No answer')).toHaveLength(announced);
  });
});

describe('what was changed in another tab', () => {
  it('is not saved over, and nothing that was entered is lost', async () => {
    const service = new Service();
    const [one, other] = [tab(service), tab(service)];
    one.enter({ title: 'Two' });
    other.enter({ title: 'Three' });
    await one.save();
    await other.save();
    expect(service.tags).toHaveLength(1);
    expect(service.stored.title).toBe('Two');
    expect(other.now().conflict).toEqual({ stored: service.stored, fields: ['title'] });
    expect(other.now().draft.title).toBe('Three');
    expect(other.now().stored.title).toBe('Two');
  });

  it('between the read and the change is answered with 412, and found as well', async () => {
    const service = new Service();
    const { enter, save, now } = tab(service);
    enter({ title: 'Two' });
    service.meanwhile = [() => ({ text: 'Hard.' })];
    await save();
    expect(service.tags).toHaveLength(1);
    expect(service.stored).toMatchObject({ title: 'One', text: 'Hard.' });
    expect(now().conflict?.fields).toEqual(['text']);
    expect(now().draft.title).toBe('Two');
  });

  it('is saved over where the person says so, unless it is changed once more', async () => {
    const service = new Service();
    const { enter, save, keep, now } = tab(service);
    enter({ title: 'Two' });
    service.change({ title: 'Three' });
    await save();
    service.change({ title: 'Four' });
    await keep();
    expect(now().conflict?.stored.title).toBe('Four');
    enter({ text: 'Hard.' });
    await keep();
    expect(now().conflict).toBeUndefined();
    expect(now().isChanged).toBe(false);
    expect(service.stored).toMatchObject({ title: 'Two', text: 'Hard.' });
  });

  it('takes the place of the draft where the person says so, and is edited from there', async () => {
    const service = new Service();
    const { enter, save, discard, now } = tab(service);
    enter({ title: 'Two' });
    service.change({ title: 'Three' });
    await save();
    discard();
    expect(now().draft.title).toBe('Three');
    expect(now().conflict).toBeUndefined();
    enter({ title: 'Four' });
    await save();
    expect(service.stored.title).toBe('Four');
  });

  it('is followed while nothing is entered, and never takes away what is', () => {
    const service = new Service();
    const { enter, refetch, now } = tab(service);
    service.change({ title: 'Two' });
    refetch();
    expect(now().draft.title).toBe('Two');
    enter({ text: 'Hard.' });
    service.change({ title: 'Three' });
    refetch();
    expect(now().draft).toEqual({ title: 'Two', text: 'Hard.' });
  });

  it('is found after a reload: a kept draft knows what it was begun from', async () => {
    vi.useFakeTimers();
    const service = new Service();
    const before = tab(service, 'thing');
    before.enter({ title: 'Two' });
    act(() => vi.advanceTimersByTime(200));
    before.unmount();
    vi.useRealTimers();
    service.change({ title: 'Three' });
    const { save, now } = tab(service, 'thing');
    expect(now().draft.title).toBe('Two');
    await save();
    expect(now().conflict?.fields).toEqual(['title']);
    expect(service.stored.title).toBe('Three');
  });
});

describe('the choice', () => {
  const show = (fields: string[]) => {
    const stored = { title: 'Two' };
    const edit = { conflict: { stored, fields }, isSaving: false, discard: vi.fn(), keep: vi.fn() };
    render(
      <MantineProvider env="test">
        <ConflictNotice edit={edit} />
      </MantineProvider>,
    );
    return edit;
  };

  it('says what was changed, and that nothing is lost', () => {
    show(['title', 'display_name']);
    const text = screen.getByRole('alert').textContent;
    expect(text).toContain('title, display name');
    expect(text).toContain('What you entered is still here');
    cleanup();
    show([]);
    expect(screen.getByRole('alert').textContent).toContain('its state');
  });

  it('loads what is stored, or saves over it', () => {
    const { discard, keep } = show(['title']);
    fireEvent.click(screen.getByRole('button', { name: 'Load what is stored' }));
    expect(discard).toHaveBeenCalledOnce();
    expect(keep).not.toHaveBeenCalled();
    fireEvent.click(screen.getByRole('button', { name: 'Keep mine and save over it' }));
    expect(keep).toHaveBeenCalledOnce();
  });
});
