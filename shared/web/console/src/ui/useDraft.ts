import { useEffect, useRef, useState } from 'react';

const PREFIX = 'prolight.draft.';

/**
 * State that survives a reload and a new sign-in: it is kept in this browser, for as long as it
 * differs from what it begins with. Without a name it is kept on this page only.
 */
export function useDraft<T>(name: string | undefined, initial: T | (() => T)) {
  const [before] = useState(() => (name === undefined ? null : textOf(name)));
  const [value, setValue] = useState<T>(() => parse<T>(before) ?? make(initial));
  const beginning = useRef(initial);
  beginning.current = initial;
  // Another tab may keep a draft under the same name, which is not for this one to forget.
  const kept = useRef(before);
  useEffect(() => {
    if (name === undefined) return;
    const timer = setTimeout(() => {
      try {
        const text = JSON.stringify(value);
        if (text !== JSON.stringify(make(beginning.current))) {
          localStorage.setItem(PREFIX + name, text);
          kept.current = text;
        } else if (textOf(name) === kept.current) forgetDraft(name);
      } catch {
        // Without storage the draft lives as long as the page.
      }
    }, 150);
    return () => clearTimeout(timer);
  }, [name, value]);
  return [value, setValue] as const;
}

export function readDraft<T>(name: string): T | undefined {
  return parse(textOf(name));
}

export function forgetDraft(name: string): void {
  localStorage.removeItem(PREFIX + name);
}

function textOf(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

function parse<T>(text: string | null): T | undefined {
  try {
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

function make<T>(initial: T | (() => T)): T {
  return initial instanceof Function ? initial() : initial;
}
