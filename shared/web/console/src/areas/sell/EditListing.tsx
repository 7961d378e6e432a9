import { Alert, Badge, Button } from '@mantine/core';
import { isProblem, type ListingChange, type OwnListing } from '@prolight/client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useApi, useSignedIn } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { Words } from '../../ui/format.tsx';
import { Loaded } from '../../ui/lists.tsx';
import { announce, announceProblem, ProblemNotice } from '../../ui/problem.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { forgetDraft, readDraft, useDraft } from '../../ui/useDraft.ts';
import { AppealOf } from '../account/Appeals.tsx';
import { ListingForm } from './ListingForm.tsx';
import { Why } from './Listings.tsx';
import { draftOf, STATE_COLOURS } from './listing.ts';
import { Uploads } from './Uploads.tsx';

/** How often a version is looked at again, in milliseconds, by its state. */
const FOLLOWED: Record<string, number> = { preparing: 2_000, pending: 10_000 };

/** A listing of one's own. */
export function EditListing() {
  const { id } = useParams({ from: '/sell/listings/$id' });
  const api = useApi();
  const query = useQuery({
    queryKey: ['sell', 'listing', id],
    queryFn: ({ signal }) =>
      api.get(`/api/v1/marketplace/creator/listings/${id}`, undefined, signal),
    enabled: useSignedIn(),
    // A submitted version changes its state without us: soon while it is prepared, then in review.
    refetchInterval: ({ state }) => FOLLOWED[state.data?.review.status ?? ''] ?? false,
  });
  return (
    <SignedIn title="Your listing">
      <div className="page stack-lg">
        <p className="small">
          <Link to="/sell" search={{}}>
            Sell
          </Link>
        </p>
        <Loaded query={query} lines={8}>
          {it => <Editor key={it.id} it={it} />}
        </Loaded>
      </div>
    </SignedIn>
  );
}

function Editor({ it }: { it: OwnListing }) {
  const api = useApi();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const name = `listing.${it.id}`;
  const [restored] = useState(() => readDraft<ListingChange>(name) !== undefined);
  const [draft, setDraft] = useDraft<ListingChange>(name, () => draftOf(it));
  const saved = JSON.stringify(draftOf(it));
  const changed = JSON.stringify(draft) !== saved;
  const before = useRef(saved);
  useEffect(() => {
    // An approval, or a change made elsewhere: what was not changed here follows it.
    const was = before.current;
    before.current = saved;
    setDraft(old => (JSON.stringify(old) === was ? (JSON.parse(saved) as ListingChange) : old));
  }, [saved, setDraft]);
  const show = (now: OwnListing) => {
    queries.setQueryData(['sell', 'listing', it.id], now);
    void queries.invalidateQueries({ queryKey: ['sell', 'listings'] });
  };
  const refresh = () => queries.invalidateQueries({ queryKey: ['sell'] });
  const path = `/api/v1/marketplace/listings/${it.id}` as const;
  const save = useMutation({
    mutationFn: () => {
      const { type: _, ...rest } = draft;
      return api.patch(path, rest);
    },
    onSuccess: now => {
      show(now);
      setDraft(draftOf(now));
      announce(it.on_sale ? 'Saved as the next version: submit it to put it on sale.' : 'Saved.');
    },
    onError: error => announceProblem(error, 'Save'),
  });
  const submit = useMutation({
    mutationFn: () => api.post(`${path}/submit`),
    onSuccess: now => {
      announce('Submitted. It is prepared, then a moderator decides; this page follows it.');
      show(now);
    },
    onError: error => announceProblem(error, 'Submit'),
  });
  const retire = useMutation({
    mutationFn: () => api.delete(path),
    onSuccess: () => {
      forgetDraft(name);
      announce(it.on_sale ? 'It is off sale.' : 'The draft is gone.');
      void refresh();
      void navigate({ to: '/sell', search: {} });
    },
    onError: error => announceProblem(error, 'Take it off sale'),
  });
  const problem = isProblem(save.error)
    ? save.error
    : isProblem(submit.error)
      ? submit.error
      : undefined;
  const review = it.review.status;
  const refused = review === 'rejected' || review === 'preparation_failed';
  const isInReview = review === 'pending' || review === 'preparing';
  const isOffSale = it.delisted !== null && review === 'published';
  const decision = it.delisted?.by === 'staff' ? it.delisted.reason : rejection(it);
  return (
    <>
      <div className="page-head">
        <div className="row">
          <h1>{it.title}</h1>
          <Badge variant="light" color={STATE_COLOURS[it.status] ?? 'gray'}>
            {Words(it.status)}
          </Badge>
        </div>
        {it.on_sale && (
          <Link to="/market/listings/$id" params={{ id: it.id }}>
            See it in the market
          </Link>
        )}
      </div>
      {it.hidden_by.length > 0 && (
        <Alert color={refused || it.delisted ? 'red' : 'tungsten'} variant="light">
          <div className="stack">
            <Why it={it} />
            {isInReview && <span>A change withdraws it: it has to be submitted again.</span>}
            {decision !== null && <AppealOf reason={decision} listingId={it.id} />}
          </div>
        </Alert>
      )}
      {restored && changed && (
        <Alert color="gray" variant="light">
          <div className="row between">
            <span>Changes that you had not saved were kept in this browser.</span>
            <Button size="compact-xs" variant="default" onClick={() => setDraft(draftOf(it))}>
              Discard them
            </Button>
          </div>
        </Alert>
      )}
      <Uploads
        it={it}
        onChange={refresh}
        onBegun={now => {
          show(now);
          setDraft(old => ({ ...old, changes: now.changes }));
        }}
      />
      <form
        className="stack-lg"
        onSubmit={event => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <ListingForm
          draft={draft}
          follows={it.on_sale !== null || it.version > 1}
          problem={problem}
          onChange={change => setDraft(old => ({ ...old, ...change }))}
        />
        {problem && <ProblemNotice error={problem} />}
        <div className="row between">
          <div className="row">
            <Button type="submit" loading={save.isPending} disabled={!changed}>
              {it.on_sale ? 'Save the next version' : 'Save'}
            </Button>
            {(review === 'draft' || refused || isOffSale) && (
              <Button
                variant="default"
                loading={submit.isPending}
                disabled={changed}
                title={changed ? 'Save first' : undefined}
                onClick={() => submit.mutate()}
              >
                Submit for review
              </Button>
            )}
          </div>
          {!it.delisted && (
            <Confirm
              action={it.on_sale ? 'Take it off sale' : 'Delete the draft'}
              title={it.on_sale ? 'Take it off sale' : 'Delete the draft'}
              danger
              busy={retire.isPending}
              onConfirm={(_, close) => retire.mutate(undefined, { onSuccess: close })}
            >
              {it.on_sale
                ? 'Nobody can buy it any longer. Buyers keep what they bought.'
                : 'The draft, its pictures and its files are deleted.'}
            </Confirm>
          )}
        </div>
      </form>
    </>
  );
}

/** The reason of a rejection that is in effect. */
function rejection(it: OwnListing): string | null {
  return it.review.status === 'rejected' ? it.review.reason : null;
}
