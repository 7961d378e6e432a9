import { MantineProvider } from '@mantine/core';
import type { ListingChange } from '@prolight/client';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { afterEach, expect, it } from 'vitest';
import { ListingForm } from './ListingForm.tsx';
import { emptyListing } from './listing.ts';

afterEach(cleanup);

const STORED: ListingChange = { ...emptyListing('fibo_template'), tags: ['soft', 'calm'] };

function Editor() {
  const [draft, setDraft] = useState(STORED);
  return (
    <MantineProvider env="test">
      <ListingForm draft={draft} onChange={part => setDraft({ ...draft, ...part })} />
      <button type="button" onClick={() => setDraft(STORED)}>
        Load what is stored
      </button>
      <output>{JSON.stringify(draft)}</output>
    </MantineProvider>
  );
}

const field = (name: string) => screen.getByRole<HTMLTextAreaElement>('textbox', { name });
const enter = (name: string, value: string) => fireEvent.change(field(name), { target: { value } });
const load = () => fireEvent.click(screen.getByRole('button', { name: 'Load what is stored' }));
const draft = () => JSON.parse(screen.getByRole('status').textContent ?? '') as typeof STORED;

it('text stays as it is typed, until something else is loaded', () => {
  render(<Editor />);
  expect(field('Tags').value).toBe('soft, calm');
  enter('Tags', 'Hard, , ');
  expect(field('Tags').value).toBe('Hard, , ');
  expect(draft().tags).toEqual(['hard']);
  load();
  expect(field('Tags').value).toBe('soft, calm');
});

it('a prompt that is no JSON yet keeps the last one that was', () => {
  render(<Editor />);
  enter('Structured prompt', '{"context":"a cellar"}');
  enter('Structured prompt', '{"context":"a cell');
  expect(screen.getByText(/not valid JSON yet/)).toBeTruthy();
  expect(draft().content.structured_prompt).toEqual({ context: 'a cellar' });
  load();
  expect(screen.queryByText(/not valid JSON yet/)).toBeNull();
  expect(JSON.parse(field('Structured prompt').value)).toEqual(STORED.content.structured_prompt);
});
