import { Badge, Button, Textarea } from '@mantine/core';
import type { Appeal } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useId } from 'react';
import { useApi, useSignedIn } from '../../context.tsx';
import { date, When } from '../../ui/format.tsx';
import { List, Loaded, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { useDraft } from '../../ui/useDraft.ts';

const APPEALS = ['appeals'] as const;

const ABOUT: Record<Appeal['about'], string> = {
  suspension: 'The suspension of your account',
  rejection: 'The rejection of a listing',
  delisting: 'A listing that was taken off sale',
};
const STATES: Record<Appeal['status'], { name: string; color: string }> = {
  open: { name: 'Open', color: 'tungsten' },
  upheld: { name: 'The decision stays', color: 'gray' },
  reversed: { name: 'The decision is reversed', color: 'green' },
};

function useAppeals() {
  const api = useApi();
  return usePages(
    APPEALS,
    (cursor, signal) => api.get('/api/v1/me/appeals', { limit: 20, cursor }, signal),
    { enabled: useSignedIn() },
  );
}

/** Every objection of the member, and what staff decided on it. */
export function Appeals() {
  const list = useAppeals();
  return (
    <section className="stack" aria-labelledby="appeals">
      <h2 id="appeals">Appeals</h2>
      <List
        query={list}
        empty="No appeal yet. A suspension, or a rejected or delisted listing, can be appealed once, where it is shown."
      >
        <div className="stack">
          {list.items.map(it => (
            <article key={it.id} className="panel stack" aria-label={ABOUT[it.about]}>
              <div className="row between">
                <h3>
                  {it.about === 'suspension' ? (
                    ABOUT[it.about]
                  ) : (
                    <Link to="/sell/listings/$id" params={{ id: it.listing_id }}>
                      {ABOUT[it.about]}
                    </Link>
                  )}
                </h3>
                <span className="quiet small">
                  {it.decided_at && `Decided ${date(it.decided_at)}, `}appealed{' '}
                  <When at={it.created_at} />
                </span>
              </div>
              <p className="quiet">“{it.reason}”</p>
              <State it={it} />
            </article>
          ))}
        </div>
      </List>
    </section>
  );
}

/** The appeal of one decision that is in effect: its state, or the form for it. */
export function AppealOf({ reason, listingId }: { reason: string; listingId?: string }) {
  const list = useAppeals();
  const made = list.items.find(
    it =>
      it.reason === reason &&
      (it.about === 'suspension' ? listingId === undefined : it.listing_id === listingId),
  );
  return (
    <Loaded query={{ ...list, data: list.data && list.items }} lines={2}>
      {() => (made ? <State it={made} /> : <Form listingId={listingId} />)}
    </Loaded>
  );
}

function State({ it }: { it: Appeal }) {
  return (
    <>
      <p>You wrote: “{it.text}”</p>
      <div className="row">
        <Badge variant="light" color={STATES[it.status].color}>
          {STATES[it.status].name}
        </Badge>
        <span className="quiet">
          {it.ruled_at === null ? (
            'Staff look at it; you read the outcome here.'
          ) : (
            <When at={it.ruled_at} />
          )}
        </span>
      </div>
      {it.ruling && <p>Staff wrote: “{it.ruling}”</p>}
    </>
  );
}

function Form({ listingId }: { listingId?: string }) {
  const api = useApi();
  const queries = useQueryClient();
  const label = useId();
  const [text, setText] = useDraft(`appeal.${listingId ?? 'account'}`, '');
  const send = useMutation({
    mutationFn: () => api.post('/api/v1/me/appeals', { listing_id: listingId, text }),
    onSuccess: () => {
      setText('');
      announce('Your appeal is with our staff.');
      void queries.invalidateQueries({ queryKey: APPEALS });
    },
    onError: error => announceProblem(error, 'Appeal'),
  });
  return (
    <form
      className="stack"
      aria-labelledby={label}
      onSubmit={event => {
        event.preventDefault();
        send.mutate();
      }}
    >
      <Textarea
        label={<span id={label}>Why this decision is wrong</span>}
        description="It can be appealed once. Where possible, somebody else than who took it decides."
        required
        maxLength={2000}
        autosize
        minRows={3}
        value={text}
        onChange={event => setText(event.currentTarget.value)}
      />
      <div>
        <Button type="submit" size="xs" loading={send.isPending} disabled={text.trim() === ''}>
          Appeal
        </Button>
      </div>
    </form>
  );
}
