import { Button } from '@mantine/core';
import { isProblem, type ListingDraft, type ListingType, newKey } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { useApi } from '../../context.tsx';
import { announce, announceProblem, ProblemNotice } from '../../ui/problem.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { forgetDraft, useDraft } from '../../ui/useDraft.ts';
import { ListingForm } from './ListingForm.tsx';
import { emptyListing, inWords, TYPES } from './listing.ts';
import classes from './Sell.module.css';

/** A new listing: its type first, then everything about it. */
export function NewListing() {
  const { type } = useSearch({ from: '/sell/new' });
  const known = TYPES.find(it => it.value === type);
  return (
    <SignedIn title="A new listing">
      <div className="page stack-lg">
        <p className="small">
          <Link to="/sell" search={{}}>
            Sell
          </Link>
        </p>
        <h1>{known ? `New listing: ${known.name.toLowerCase()}` : 'What do you want to sell?'}</h1>
        {known ? <Form key={known.value} type={known.value} /> : <Choose />}
      </div>
    </SignedIn>
  );
}

function Choose() {
  return (
    <ul className={classes.types}>
      {TYPES.map(it => (
        <li key={it.value}>
          <Link to="/sell/new" search={{ type: it.value }} className={classes.type}>
            <b>{it.name}</b>
            <span className="quiet">{it.what}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function Form({ type }: { type: ListingType }) {
  const api = useApi();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const key = useRef(newKey());
  const name = `listing.${type}`;
  const [draft, setDraft] = useDraft<ListingDraft>(name, () => emptyListing(type));
  const create = useMutation({
    mutationFn: () =>
      api.post('/api/v1/marketplace/listings', draft, {
        idempotencyKey: key.current,
      }),
    onSuccess: made => {
      forgetDraft(name);
      announce('The draft is saved. Add pictures, then submit it.');
      void queries.invalidateQueries({ queryKey: ['sell'] });
      void navigate({ to: '/sell/listings/$id', params: { id: made.id } });
    },
    onError: error => {
      key.current = newKey();
      if (!isProblem(error)) announceProblem(error, 'Save the draft');
    },
  });
  const problem = isProblem(create.error) ? inWords(create.error, type) : undefined;
  const [isReadable, setIsReadable] = useState(true);
  return (
    <form
      className="stack-lg"
      onSubmit={event => {
        event.preventDefault();
        create.mutate();
      }}
    >
      <ListingForm
        draft={draft}
        problem={problem}
        onReadable={setIsReadable}
        onChange={change => setDraft(old => ({ ...old, ...change }))}
      />
      {problem && <ProblemNotice error={problem} />}
      <div>
        <Button type="submit" loading={create.isPending} disabled={!isReadable}>
          Save the draft
        </Button>
      </div>
    </form>
  );
}
