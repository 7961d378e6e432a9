import { useEffect, useState } from 'react';

const PREFIX = 'prolight.draft.';

/**
 * State that survives a reload and a new sign-in: it is kept in this browser, for as long as it
 * differs from what it begins with.
 */
export function useDraft<T>(name: string, initial: T | (() => T)) {
  const [value, setValue] = useState<T>(() => readDraft<T>(name) ?? make(initial));
  // biome-ignore lint/correctness/useExhaustiveDependencies: what it begins with may be made anew.
  useEffect(() => {
    const timer = setTimeout(() => {
      try {
        const text = JSON.stringify(value);
        if (text === JSON.stringify(make(initial))) forgetDraft(name);
        else localStorage.setItem(PREFIX + name, text);
      } catch {
        // Without storage the draft lives as long as the page.
      }
    }, 150);
    return () => clearTimeout(timer);
  }, [name, value]);
  return [value, setValue, () => forgetDraft(name)] as const;
}

export function readDraft<T>(name: string): T | undefined {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

export function forgetDraft(name: string): void {
  localStorage.removeItem(PREFIX + name);
}

function make<T>(initial: T | (() => T)): T {
  return initial instanceof Function ? initial() : initial;
}
