import { Alert, Badge, Button } from '@mantine/core';
import { isProblem, type OwnListing } from '@prolight/client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi, useSignedIn } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { ConflictNotice } from '../../ui/ConflictNotice.tsx';
import { Words } from '../../ui/format.tsx';
import { Loaded } from '../../ui/lists.tsx';
import { announce, announceProblem, ProblemNotice } from '../../ui/problem.tsx';
import { SignedIn } from '../../ui/SignedIn.tsx';
import { forgetDraft, readDraft } from '../../ui/useDraft.ts';
import { useEdit } from '../../ui/useEdit.ts';
import { AppealOf } from '../account/Appeals.tsx';
import { ListingForm } from './ListingForm.tsx';
import { Why } from './Listings.tsx';
import { draftOf, inWords, isInReview, STATE_COLOURS } from './listing.ts';
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
  const keptAs = `edit.${it.id}`;
  const [restored] = useState(() => readDraft(keptAs) !== undefined);
  const show = (now: OwnListing) => {
    queries.setQueryData(['sell', 'listing', it.id], now);
    void queries.invalidateQueries({ queryKey: ['sell', 'listings'] });
  };
  const refresh = () => queries.invalidateQueries({ queryKey: ['sell'] });
  const path = `/api/v1/marketplace/listings/${it.id}` as const;
  const edit = useEdit({
    stored: it,
    draftOf,
    // A change withdraws what was submitted.
    isAsShown: now => isInReview(now) === isInReview(it),
    keptAs,
    action: 'Save',
    read: () => api.read(`/api/v1/marketplace/creator/listings/${it.id}`),
    write: ({ type: _, ...draft }, ask) => api.patch(path, draft, ask),
    onStored: show,
    isProblemShown: true,
    onSaved: () =>
      announce(it.on_sale ? 'Saved as the next version: submit it to put it on sale.' : 'Saved.'),
  });
  const submit = useMutation({
    mutationFn: () => api.post(`${path}/submit`),
    onSuccess: now => {
      announce('Submitted. It is prepared, then a moderator decides; this page follows it.');
      show(now);
    },
    onError: error => {
      if (!isProblem(error)) announceProblem(error, 'Submit');
    },
  });
  const retire = useMutation({
    mutationFn: () => api.delete(path),
    onSuccess: () => {
      forgetDraft(keptAs);
      announce(it.on_sale ? 'It is off sale.' : 'The draft is gone.');
      void refresh();
      void navigate({ to: '/sell', search: {} });
    },
    onError: error => announceProblem(error, 'Take it off sale'),
  });
  const refusal = edit.problem ?? (isProblem(submit.error) ? submit.error : undefined);
  const problem = refusal && inWords(refusal, it.type);
  const [isReadable, setIsReadable] = useState(true);
  const review = it.review.status;
  const refused = review === 'rejected' || review === 'preparation_failed';
  const retiring = it.on_sale
    ? 'Take it off sale'
    : isInReview(it)
      ? 'Withdraw and delete it'
      : 'Delete the draft';
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
            {isInReview(it) && <span>A change withdraws it: it has to be submitted again.</span>}
            {decision !== null && <AppealOf reason={decision} listingId={it.id} />}
          </div>
        </Alert>
      )}
      {restored && edit.isChanged && (
        <Alert color="gray" variant="light">
          <div className="row between">
            <span>Changes that you had not saved were kept in this browser.</span>
            <Button size="compact-xs" variant="default" onClick={edit.discard}>
              Discard them
            </Button>
          </div>
        </Alert>
      )}
      <Uploads it={it} onChange={refresh} onStored={show} />
      <form
        className="stack-lg"
        onSubmit={event => {
          event.preventDefault();
          submit.reset();
          edit.save();
        }}
      >
        <ListingForm
          draft={edit.draft}
          follows={it.on_sale !== null || it.version > 1}
          problem={problem}
          onReadable={setIsReadable}
          onChange={edit.change}
        />
        {problem && <ProblemNotice error={problem} />}
        <ConflictNotice edit={edit} />
        <div className="row between">
          <div className="row">
            <Button type="submit" loading={edit.isSaving} disabled={!edit.isChanged || !isReadable}>
              {it.on_sale ? 'Save the next version' : 'Save'}
            </Button>
            {(review === 'draft' || refused || isOffSale) && (
              <Button
                variant="default"
                loading={submit.isPending}
                disabled={edit.isChanged || !isReadable}
                title={edit.isChanged || !isReadable ? 'Save first' : undefined}
                onClick={() => submit.mutate()}
              >
                Submit for review
              </Button>
            )}
          </div>
          {!it.delisted && (
            <Confirm
              action={retiring}
              title={retiring}
              danger
              busy={retire.isPending}
              onConfirm={(_, close) => retire.mutate(undefined, { onSuccess: close })}
            >
              {it.on_sale
                ? 'Nobody can buy it any longer. Buyers keep what they bought.'
                : `${isInReview(it) ? 'It is withdrawn from review, and it' : 'The draft'}, its pictures and its files are deleted.`}
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
