import { Button, Checkbox, Modal, TextInput } from '@mantine/core';
import {
  type EventType,
  isProblem,
  type Problem,
  type Webhook,
  type WebhookWithSecret,
} from '@prolight/client';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useApi } from '../../context.tsx';
import { ConflictNotice } from '../../ui/ConflictNotice.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { useEdit } from '../../ui/useEdit.ts';

export const EVENT_NAMES: Record<EventType, string> = {
  'generation.succeeded': 'A picture is finished',
  'generation.failed': 'A picture failed',
  'generation.cancelled': 'A picture is cancelled',
  'credits.low': 'Credits are low',
  'subscription.changed': 'The subscription changed',
  'sale.created': 'Something is sold',
  'sale.refunded': 'A sale is refunded',
  'payout.paid': 'A payout is paid',
  'payout.failed': 'A payout failed',
  'listing.approved': 'A listing is approved',
  'listing.rejected': 'A listing is rejected',
  'listing.flagged': 'A listing is reported',
  'webhook.test': 'Test',
};
/** Test events are sent when they are asked for. */
const WANTED = (Object.keys(EVENT_NAMES) as EventType[]).filter(it => it !== 'webhook.test');

interface Settings {
  address: string;
  note: string;
  events: (typeof WANTED)[number][];
}
const USUAL: Settings = {
  address: '',
  note: '',
  events: ['generation.succeeded', 'generation.failed'],
};

function settingsOf({ url, description, events }: Webhook): Settings {
  return {
    address: url,
    note: description ?? '',
    events: WANTED.filter(it => events.includes(it)),
  };
}

function bodyOf({ address, note, events }: Settings) {
  return { url: address.trim(), description: note.trim() === '' ? null : note, events };
}

/** Adds a webhook; `onMade` gets it with its secret. */
export function NewWebhook({ onMade }: { onMade: (made: WebhookWithSecret) => void }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="xs" onClick={() => setOpen(true)}>
        New webhook
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title="New webhook">
        <Add
          onMade={made => {
            setOpen(false);
            onMade(made);
          }}
        />
      </Modal>
    </>
  );
}

function Add({ onMade }: { onMade: (made: WebhookWithSecret) => void }) {
  const api = useApi();
  const [settings, setSettings] = useState(USUAL);
  const add = useMutation({
    mutationFn: () => api.post('/api/v1/me/webhooks', bodyOf(settings)),
    onSuccess: onMade,
    onError: error => announceProblem(error, 'Add the webhook'),
  });
  return (
    <Form
      settings={settings}
      problem={isProblem(add.error) ? add.error : undefined}
      busy={add.isPending}
      action="Add the webhook"
      onChange={part => setSettings(old => ({ ...old, ...part }))}
      onSubmit={add.mutate}
    />
  );
}

/** Changes a webhook; `onStored` is called when it is stored in another way than was known. */
export function ChangeWebhook({ it, onStored }: { it: Webhook; onStored: () => void }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="xs" variant="default" onClick={() => setOpen(true)}>
        Change
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title="Change the webhook">
        <Change it={it} onStored={onStored} onSaved={() => setOpen(false)} />
      </Modal>
    </>
  );
}

function Change({
  it,
  onStored,
  onSaved,
}: {
  it: Webhook;
  onStored: () => void;
  onSaved: () => void;
}) {
  const api = useApi();
  const edit = useEdit({
    stored: it,
    draftOf: settingsOf,
    action: 'Save the webhook',
    read: () => api.read(`/api/v1/me/webhooks/${it.id}`),
    write: (settings, ask) => api.patch(`/api/v1/me/webhooks/${it.id}`, bodyOf(settings), ask),
    onStored,
    onSaved: () => {
      announce('The webhook is changed.');
      onSaved();
    },
  });
  return (
    <Form
      settings={edit.draft}
      problem={edit.problem}
      busy={edit.isSaving}
      action="Save"
      onChange={edit.change}
      onSubmit={() => edit.save()}
    >
      <ConflictNotice edit={edit} />
    </Form>
  );
}

function Form({
  settings,
  problem,
  busy,
  action,
  onChange,
  onSubmit,
  children,
}: {
  settings: Settings;
  problem: Problem | undefined;
  busy: boolean;
  action: string;
  onChange: (part: Partial<Settings>) => void;
  onSubmit: () => void;
  children?: ReactNode;
}) {
  const { address, note, events } = settings;
  return (
    <form
      className="stack"
      onSubmit={event => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <TextInput
        data-autofocus
        label="Address"
        description="An https address that everybody can reach."
        placeholder="https://example.com/prolight"
        type="url"
        required
        maxLength={500}
        value={address}
        error={problem?.field('/url')}
        onChange={event => onChange({ address: event.currentTarget.value })}
      />
      <TextInput
        label="Note"
        description="For yourself; it may be empty."
        maxLength={200}
        value={note}
        error={problem?.field('/description')}
        onChange={event => onChange({ note: event.currentTarget.value })}
      />
      <Checkbox.Group
        label="Tell it when"
        value={events}
        error={problem?.field('/events')}
        onChange={chosen => onChange({ events: WANTED.filter(it => chosen.includes(it)) })}
      >
        <div className="columns">
          {WANTED.map(value => (
            <Checkbox key={value} value={value} label={EVENT_NAMES[value]} />
          ))}
        </div>
      </Checkbox.Group>
      {children}
      <Button type="submit" loading={busy} disabled={address.trim() === '' || events.length === 0}>
        {action}
      </Button>
    </form>
  );
}
