import { MantineProvider } from '@mantine/core';
import { type ListingChange, Problem } from '@prolight/client';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { afterEach, expect, it } from 'vitest';
import { ListingForm } from './ListingForm.tsx';
import { emptyListing, inWords } from './listing.ts';

afterEach(cleanup);

const STORED: ListingChange = { ...emptyListing('fibo_template'), tags: ['soft', 'calm'] };

function Editor({ problem }: { problem?: Problem }) {
  const [draft, setDraft] = useState(STORED);
  const [isReadable, setIsReadable] = useState(true);
  return (
    <MantineProvider env="test">
      <ListingForm
        draft={draft}
        problem={problem}
        onReadable={setIsReadable}
        onChange={part => setDraft({ ...draft, ...part })}
      />
      <button type="button" disabled={!isReadable}>
        Save
      </button>
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
const isSaveDisabled = () =>
  screen.getByRole<HTMLButtonElement>('button', { name: 'Save' }).disabled;
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

it('a prompt that is no JSON yet keeps the last one that was, and is not saved', () => {
  render(<Editor />);
  enter('Structured prompt', '{"context":"a cellar"}');
  expect(isSaveDisabled()).toBe(false);
  enter('Structured prompt', '{"context":"a cell');
  expect(screen.getByText(/not valid JSON yet/)).toBeTruthy();
  expect(draft().content.structured_prompt).toEqual({ context: 'a cellar' });
  expect(isSaveDisabled()).toBe(true);
  load();
  expect(isSaveDisabled()).toBe(false);
  expect(screen.queryByText(/not valid JSON yet/)).toBeNull();
  expect(JSON.parse(field('Structured prompt').value)).toEqual(STORED.content.structured_prompt);
});

it.each(['null', '3', '[]', ''])('a prompt has fields, which %o has not', text => {
  render(<Editor />);
  enter('Structured prompt', text);
  expect(isSaveDisabled()).toBe(true);
  expect(draft().content.structured_prompt).toEqual(STORED.content.structured_prompt);
});

const refusal = (errors: Problem['errors']) =>
  new Problem({ title: 'Invalid request', status: 422, code: 'invalid_request', errors });
const described = (name: string) =>
  (field(name).getAttribute('aria-describedby') ?? '')
    .split(' ')
    .map(id => document.getElementById(id)?.textContent)
    .join(' ');

it('what is wrong within the prompt is named, and what is wrong with a slot is said there', () => {
  const required = { code: 'required', detail: 'This field is required.' };
  const problem = refusal([
    { ...required, pointer: '/content/structured_prompt/aesthetics' },
    { code: 'bad_name', detail: 'Write small letters.', pointer: '/content/slots/0/name' },
  ]);
  render(<Editor problem={problem} />);
  expect(described('Structured prompt')).toContain('Aesthetics: This field is required.');
  expect(described('Structured prompt')).not.toContain('small letters');
  expect(described('Name')).toContain('Write small letters.');
});

it('a price out of its band is refused in the words of the form', () => {
  const problem = refusal([
    {
      pointer: '/price/amount',
      code: 'out_of_band',
      detail: 'a fibo_template costs 10.00 USD to 50.00 USD, or is free',
    },
  ]);
  render(<Editor problem={inWords(problem, 'fibo_template')} />);
  expect(described('Price, US dollars')).toContain('Must be free, or more.');
  expect(described('Price, US dollars')).not.toContain('fibo_template');
});

it('a submission without pictures is refused in the words of the form', () => {
  const problem = new Problem({
    title: 'Conflict',
    status: 409,
    code: 'no_preview',
    detail: 'Upload at least one preview first.',
  });
  expect(inWords(problem, 'model_finetune').detail).toBe('Add at least one picture first.');
});
