import { CloseButton } from '@mantine/core';
import { type ReactNode, useSyncExternalStore } from 'react';
import classes from './Toasts.module.css';

export interface Toast {
  id: number;
  kind: 'said' | 'failed';
  title?: string;
  message: ReactNode;
}

const LIMIT = 4;
let toasts: Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function change(next: Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

export function showToast(toast: Omit<Toast, 'id'>, forMs: number): void {
  last += 1;
  const id = last;
  change([...toasts.slice(1 - LIMIT), { ...toast, id }]);
  setTimeout(() => dismiss(id), forMs);
}

function dismiss(id: number): void {
  change(toasts.filter(it => it.id !== id));
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What was done, and what failed; read out as it appears. */
export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div className={classes.toasts} aria-live="polite">
      {shown.map(it => (
        <div
          key={it.id}
          className={classes.toast}
          data-kind={it.kind}
          role={it.kind === 'failed' ? 'alert' : undefined}
        >
          <div>
            {it.title && <b>{it.title}</b>}
            <div>{it.message}</div>
          </div>
          <CloseButton size="sm" aria-label="Dismiss" onClick={() => dismiss(it.id)} />
        </div>
      ))}
    </div>
  );
}
