import { Badge, Button, Switch } from '@mantine/core';
import type { Webhook, WebhookWithSecret } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { dateTime, When } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { Secret } from '../../ui/Secret.tsx';
import classes from './Account.module.css';
import { DELIVERIES, Deliveries } from './Deliveries.tsx';
import { ChangeWebhook, EVENT_NAMES, NewWebhook } from './WebhookForm.tsx';

const WEBHOOKS = ['webhooks'] as const;

const DISABLED: Record<NonNullable<Webhook['disabled_reason']>, string> = {
  by_member: 'You disabled it. What happens meanwhile is not sent later.',
  gone: 'The receiver answered 410 Gone, so nothing is sent. Enable it once the receiver is back.',
  failing: 'It failed for a day, so nothing is sent. Repair the receiver, then enable it.',
};

/** The member's own servers, and what they are told. */
export function Webhooks() {
  const api = useApi();
  const queries = useQueryClient();
  const [shown, setShown] = useState<WebhookWithSecret>();
  const list = usePages(WEBHOOKS, (_, signal) => api.get('/api/v1/me/webhooks', undefined, signal));
  const refresh = () => void queries.invalidateQueries({ queryKey: WEBHOOKS });
  return (
    <section className="stack" aria-labelledby="webhooks">
      <div className="row between">
        <h2 id="webhooks">Webhooks</h2>
        <NewWebhook
          onMade={made => {
            setShown(made);
            refresh();
          }}
        />
      </div>
      <p className="quiet">
        Events are sent to a server of yours, in order, by signed requests as{' '}
        <a href="https://www.standardwebhooks.com">Standard Webhooks</a> describes them. A request
        that fails is repeated for about a day.
      </p>
      <List query={list} empty="No webhook yet. Add the address of a server that is to be told.">
        <div className="stack">
          {list.items.map(it => (
            <One key={it.id} it={it} onChange={refresh} onSecret={setShown} />
          ))}
        </div>
      </List>
      <Secret title="The signing secret" value={shown?.secret} onClose={() => setShown(undefined)}>
        The receiver checks signatures with it. It is shown only now.
        {shown?.previous_secret_expires_at &&
          ` Until ${dateTime(shown.previous_secret_expires_at)} the one before signs as well.`}
      </Secret>
    </section>
  );
}

interface Props {
  it: Webhook;
  onChange: () => void;
  onSecret: (made: WebhookWithSecret) => void;
}

function One({ it, onChange, onSecret }: Props) {
  const [log, setLog] = useState(false);
  const on = it.status === 'enabled';
  return (
    <article className="panel stack" aria-label={it.url}>
      <div className="row between">
        <h3 className={classes.address}>{it.url}</h3>
        <Badge variant="light" color={!on ? 'gray' : it.failing_since ? 'red' : 'green'}>
          {!on ? 'Disabled' : it.failing_since ? 'Failing' : 'Enabled'}
        </Badge>
      </div>
      {it.description && <p>{it.description}</p>}
      {it.disabled_reason && <p>{DISABLED[it.disabled_reason]}</p>}
      {on && it.failing_since && (
        <p>
          It has failed since <When at={it.failing_since} />. A day after that it is disabled.
        </p>
      )}
      <ul className="pills" aria-label="Events">
        {it.events.map(event => (
          <li key={event}>{EVENT_NAMES[event]}</li>
        ))}
      </ul>
      {it.previous_secret_expires_at && (
        <p className="small quiet">
          The secret before the present one signs until {dateTime(it.previous_secret_expires_at)}.
        </p>
      )}
      <Actions it={it} onChange={onChange} onSecret={onSecret} onTest={() => setLog(true)} />
      <div>
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          aria-expanded={log}
          onClick={() => setLog(!log)}
        >
          {log ? 'Hide the deliveries' : 'Show the deliveries'}
        </Button>
      </div>
      {log && <Deliveries webhook={it} />}
    </article>
  );
}

function Actions({ it, onChange, onSecret, onTest }: Props & { onTest: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const path = `/api/v1/me/webhooks/${it.id}` as const;
  const on = it.status === 'enabled';
  const enable = useMutation({
    mutationFn: (status: Webhook['status']) => api.patch(path, { status }),
    onSuccess: onChange,
    onError: error => announceProblem(error, 'Change the webhook'),
  });
  const test = useMutation({
    mutationFn: () => api.post(`${path}/test`),
    onSuccess: () => {
      announce('A test event is on its way; its delivery is in the log.');
      onTest();
      void queries.invalidateQueries({ queryKey: [...DELIVERIES, it.id] });
    },
    onError: error => announceProblem(error, 'Send a test event'),
  });
  const rotate = useMutation({
    mutationFn: () => api.post(`${path}/secret`),
    onSuccess: made => {
      onSecret(made);
      onChange();
    },
    onError: error => announceProblem(error, 'Replace the secret'),
  });
  const remove = useMutation({
    mutationFn: () => api.delete(path),
    onSuccess: () => {
      announce('The webhook is deleted.');
      onChange();
    },
    onError: error => announceProblem(error, 'Delete the webhook'),
  });
  return (
    <div className="row">
      <Switch
        label="Send events"
        checked={on}
        disabled={enable.isPending}
        onChange={event => enable.mutate(event.currentTarget.checked ? 'enabled' : 'disabled')}
      />
      <Button
        size="xs"
        variant="default"
        loading={test.isPending}
        disabled={!on}
        onClick={() => test.mutate()}
      >
        Send a test event
      </Button>
      <ChangeWebhook it={it} onStored={onChange} />
      <Confirm
        action="Replace the secret"
        title="Replace the signing secret"
        busy={rotate.isPending}
        onConfirm={(_, close) => rotate.mutate(undefined, { onSuccess: close })}
      >
        For 24 hours requests are signed with both, so that the receiver can change over.
      </Confirm>
      <Confirm
        action="Delete"
        title="Delete the webhook"
        danger
        busy={remove.isPending}
        onConfirm={(_, close) => remove.mutate(undefined, { onSuccess: close })}
      >
        Nothing is sent to it any longer, and its log is gone.
      </Confirm>
    </div>
  );
}
