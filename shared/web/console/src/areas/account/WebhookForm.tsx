import { Button, Checkbox, Modal, TextInput } from '@mantine/core';
import { type EventType, isProblem, type Webhook, type WebhookWithSecret } from '@prolight/client';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';

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

/** A new webhook, or one that is changed; `onSaved` gets the secret of a new one. */
export function WebhookForm({
  webhook,
  onSaved,
}: {
  webhook?: Webhook;
  onSaved: (now: Webhook, made?: WebhookWithSecret) => void;
}) {
  const api = useApi();
  const [open, setOpen] = useState(false);
  const [url, setUrl] = useState('');
  const [note, setNote] = useState('');
  const [events, setEvents] = useState<string[]>([]);
  const begin = () => {
    setUrl(webhook?.url ?? '');
    setNote(webhook?.description ?? '');
    setEvents(webhook?.events ?? ['generation.succeeded', 'generation.failed']);
    save.reset();
    setOpen(true);
  };
  const save = useMutation({
    mutationFn: async () => {
      const body = {
        url: url.trim(),
        description: note.trim() === '' ? null : note,
        events: WANTED.filter(it => events.includes(it)),
      };
      if (webhook) return onSaved(await api.patch(`/api/v1/me/webhooks/${webhook.id}`, body));
      const made = await api.post('/api/v1/me/webhooks', body);
      return onSaved(made, made);
    },
    onSuccess: () => {
      setOpen(false);
      if (webhook) announce('The webhook is changed.');
    },
    onError: error => announceProblem(error, 'Save the webhook'),
  });
  const field = (pointer: string) =>
    isProblem(save.error) ? save.error.field(pointer) : undefined;
  return (
    <>
      <Button size="xs" variant={webhook ? 'default' : 'filled'} onClick={begin}>
        {webhook ? 'Change' : 'New webhook'}
      </Button>
      <Modal
        opened={open}
        onClose={() => setOpen(false)}
        title={webhook ? 'Change the webhook' : 'New webhook'}
      >
        <form
          className="stack"
          onSubmit={event => {
            event.preventDefault();
            save.mutate();
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
            value={url}
            error={field('/url')}
            onChange={event => setUrl(event.currentTarget.value)}
          />
          <TextInput
            label="Note"
            description="For yourself; it may be empty."
            maxLength={200}
            value={note}
            error={field('/description')}
            onChange={event => setNote(event.currentTarget.value)}
          />
          <Checkbox.Group
            label="Tell it when"
            value={events}
            error={field('/events')}
            onChange={setEvents}
          >
            <div className="columns">
              {WANTED.map(value => (
                <Checkbox key={value} value={value} label={EVENT_NAMES[value]} />
              ))}
            </div>
          </Checkbox.Group>
          <Button
            type="submit"
            loading={save.isPending}
            disabled={url.trim() === '' || events.length === 0}
          >
            {webhook ? 'Save' : 'Add the webhook'}
          </Button>
        </form>
      </Modal>
    </>
  );
}
