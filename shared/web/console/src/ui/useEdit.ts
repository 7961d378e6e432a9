import { type Answer, type Ask, isProblem, type Problem } from '@prolight/client';
import { hashKey, useMutation } from '@tanstack/react-query';
import { useEffect } from 'react';
import { announceProblem } from './problem.tsx';
import { ChangedElsewhere, isSame, saveIfUnchanged } from './saveIfUnchanged.ts';
import { useDraft } from './useDraft.ts';

/** A draft, and what was stored when it was begun. */
interface Editing<D> {
  draft: D;
  seen: D;
}

interface Options<T, D> {
  /** The newest that is known of it. */
  stored: T;
  /** The fields that are edited. */
  draftOf: (it: T) => D;
  /** Whether a state that a save would undo is as it is shown. */
  isAsShown?: (now: T) => boolean;
  /** Under which name an unsaved draft is kept in this browser; without one, only on this page. */
  keptAs?: string;
  /** What saving is called when it fails. */
  action: string;
  read: () => Promise<Answer<T>>;
  write: (draft: D, ask: Ask) => Promise<T>;
  /** Called with what is stored, after a save and when it was changed elsewhere. */
  onStored: (now: T) => void;
  onSaved: () => void;
  /** Whether the page itself shows why it was not saved. */
  isProblemShown?: boolean;
}

export interface Edit<T, D = unknown> {
  draft: D;
  isChanged: boolean;
  change: (part: Partial<D>) => void;
  /** Saves the draft, or another one in its place; `done` is called once it is saved. */
  save: (another?: D, done?: () => void) => void;
  isSaving: boolean;
  /** Why it was not saved. */
  problem: Problem | undefined;
  /** What is stored now, and which fields were changed elsewhere: none if it is the state alone. */
  conflict: { stored: T; fields: string[] } | undefined;
  /** Puts what is stored in the place of the draft. */
  discard: () => void;
  /** Saves the draft over what was changed elsewhere. */
  keep: () => void;
}

/**
 * A draft of something that is stored, and that may be changed in another tab meanwhile. While
 * nothing is entered here it follows what is stored. Whether a draft is saved over what was changed
 * elsewhere is the person's choice; until then the draft stays as it is.
 */
export function useEdit<T, D extends object>(options: Options<T, D>): Edit<T, D> {
  const { stored, draftOf, isAsShown, keptAs, action, read, write, onStored, onSaved } = options;
  const { isProblemShown = false } = options;
  const now = draftOf(stored);
  const [{ draft, seen }, set] = useDraft<Editing<D>>(keptAs, { draft: now, seen: now });
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever something else is stored.
  useEffect(() => {
    set(old => {
      const isUntouched = isSame(old.draft, old.seen) || isSame(old.draft, now);
      return isUntouched && !isSame(old.seen, now) ? { draft: now, seen: now } : old;
    });
  }, [hashKey([now]), set]);

  const saving = useMutation({
    mutationFn: (sent: Editing<D> & { done?: () => void }) =>
      saveIfUnchanged({
        read,
        // A save whose answer was lost is stored, and was not made elsewhere.
        isAsSeen: it =>
          [sent.seen, sent.draft].some(one => isSame(draftOf(it), one)) &&
          (isAsShown === undefined || isAsShown(it)),
        write: ask => write(sent.draft, ask),
      }),
    onSuccess: (saved, sent) => {
      const kept = draftOf(saved);
      // What was entered while it was sent is not saved yet.
      set(old => ({ draft: isSame(old.draft, sent.draft) ? kept : old.draft, seen: kept }));
      onStored(saved);
      onSaved();
      sent.done?.();
    },
    onError: error => {
      if (error instanceof ChangedElsewhere) onStored(error.stored);
      else if (!isProblemShown || !isProblem(error)) announceProblem(error, action);
    },
  });
  const { error, variables: sent } = saving;
  const conflict =
    error instanceof ChangedElsewhere && sent
      ? { stored: error.stored as T, fields: differing(sent.seen, draftOf(error.stored)) }
      : undefined;

  return {
    draft,
    isChanged: !isSame(draft, seen),
    change: part => set(old => ({ ...old, draft: { ...old.draft, ...part } })),
    save: (another = draft, done) => {
      set(old => ({ ...old, draft: another }));
      saving.mutate({ draft: another, seen, done });
    },
    isSaving: saving.isPending,
    problem: isProblem(error) ? error : undefined,
    conflict,
    discard: () => {
      const at = conflict ? draftOf(conflict.stored) : now;
      set({ draft: at, seen: at });
      saving.reset();
    },
    keep: () => {
      if (!conflict) return;
      const at = draftOf(conflict.stored);
      set(old => ({ ...old, seen: at }));
      saving.mutate({ draft, seen: at, done: sent?.done });
    },
  };
}

/** The names of the fields in which two drafts differ. */
function differing<D extends object>(one: D, other: D): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof D & string>;
  return [...names].filter(name => !isSame(one[name], other[name]));
}
