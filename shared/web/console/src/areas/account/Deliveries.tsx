import { Badge, Button } from '@mantine/core';
import type { Delivery, Webhook } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useApi } from '../../context.tsx';
import { count, dateTime, When, Words, words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { Source } from '../../ui/Source.tsx';
import { EVENT_NAMES } from './WebhookForm.tsx';

export const DELIVERIES = ['deliveries'] as const;

const COLOURS: Record<Delivery['status'], string> = {
  queued: 'tungsten',
  waiting: 'tungsten',
  delivered: 'green',
  failed: 'red',
};
const FAILED: Record<NonNullable<Delivery['failure']>, string> = {
  attempts_exhausted: 'every attempt failed',
  gone: 'the receiver is gone',
  webhook_disabled: 'the webhook was disabled',
  member_inactive: 'your account was suspended or deleted',
};

/** What was sent to a webhook in the last 30 days, and how it was answered. */
export function Deliveries({ webhook }: { webhook: Webhook }) {
  const api = useApi();
  const list = usePages(
    [...DELIVERIES, webhook.id],
    (cursor, signal) =>
      api.get(`/api/v1/me/webhooks/${webhook.id}/deliveries`, { limit: 20, cursor }, signal),
    {
      // A queued one is sent within moments, a waiting one when its next attempt is due.
      follow: items =>
        items.some(it => it.status === 'queued')
          ? 1_500
          : items.some(it => it.status === 'waiting') && 15_000,
    },
  );
  return (
    <List query={list} empty="Nothing was sent in the last 30 days.">
      <ul className="entries" aria-label={`Deliveries to ${webhook.url}`}>
        {list.items.map(it => (
          <Row key={it.id} it={it} enabled={webhook.status === 'enabled'} />
        ))}
      </ul>
    </List>
  );
}

function Row({ it, enabled }: { it: Delivery; enabled: boolean }) {
  const api = useApi();
  const queries = useQueryClient();
  const again = useMutation({
    mutationFn: () =>
      api.post(`/api/v1/me/webhooks/${it.webhook_id}/deliveries/${it.id}/redeliver`),
    onSuccess: () => {
      announce('The event is sent again, under the same id.');
      void queries.invalidateQueries({ queryKey: [...DELIVERIES, it.webhook_id] });
    },
    onError: error => announceProblem(error, 'Send it again'),
  });
  const ended = it.status === 'delivered' || it.status === 'failed';
  const answer = it.last_attempt;
  return (
    <li>
      <div className="stack">
        <div className="row">
          <b>{EVENT_NAMES[it.event_type]}</b>
          <Badge size="sm" variant="light" color={COLOURS[it.status]}>
            {Words(it.status)}
          </Badge>
          <span className="small quiet">{dateTime(it.created_at)}</span>
        </div>
        <p className="small">
          {it.attempts === 1 ? '1 attempt' : `${count(it.attempts)} attempts`}
          {answer && `, the last answered ${said(answer)} in ${count(answer.duration_ms)} ms`}
          {it.failure && `, and ${FAILED[it.failure]}`}
          {it.next_attempt_at && (
            <>
              , the next <When at={it.next_attempt_at} />
            </>
          )}
        </p>
        <details>
          <summary className="small quiet">What was sent</summary>
          <Source label="What was sent" text={it.body} />
        </details>
        {answer?.response_excerpt && (
          <details>
            <summary className="small quiet">What it said</summary>
            <Source label="What it said" text={answer.response_excerpt} />
          </details>
        )}
      </div>
      {ended && (
        <Button
          size="compact-xs"
          variant="default"
          loading={again.isPending}
          disabled={!enabled}
          onClick={() => again.mutate()}
        >
          Send again
        </Button>
      )}
    </li>
  );
}

/** The status of an answer, or why there was none. */
function said(answer: NonNullable<Delivery['last_attempt']>): string {
  return answer.response_status?.toString() ?? words(answer.error ?? 'nothing');
}
