import { Button, Checkbox, Modal, Select, TextInput } from '@mantine/core';
import { type ApiKey, type ApiScope, isProblem, type NewApiKey } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { date, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { Secret } from '../../ui/Secret.tsx';

const KEYS = ['keys'] as const;

const SCOPES: { value: ApiScope; label: string; description: string }[] = [
  { value: 'read', label: 'Read', description: 'All that you may read.' },
  {
    value: 'generate',
    label: 'Generate',
    description: 'Make pictures, which cost your credits, and presets.',
  },
  { value: 'sell', label: 'Sell', description: 'Offer and change listings.' },
];
const EXPIRIES = [
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
  { value: 'never', label: 'Never' },
];
const DAY_MS = 86_400_000;

/** Keys with which programs call in the member's name. */
export function Keys() {
  const api = useApi();
  const queries = useQueryClient();
  const [made, setMade] = useState<NewApiKey>();
  const list = usePages(KEYS, (cursor, signal) =>
    api.get('/api/v1/me/keys', { limit: 20, cursor }, signal),
  );
  return (
    <section className="stack" aria-labelledby="keys">
      <div className="row between">
        <h2 id="keys">API keys</h2>
        <NewKey
          onMade={key => {
            setMade(key);
            void queries.invalidateQueries({ queryKey: KEYS });
          }}
        />
      </div>
      <p className="quiet">
        A program sends a key as <code>Authorization: Bearer</code>. A key never pays, changes your
        account or manages keys. The <a href={api.transport.url('/docs')}>API’s documentation</a>{' '}
        says what there is to call.
      </p>
      <List query={list} empty="No key yet. Make one for each program, so that each can end alone.">
        <ul className="entries">
          {list.items.map(it => (
            <Row key={it.id} it={it} />
          ))}
        </ul>
      </List>
      <Secret
        title={`The key of “${made?.name ?? ''}”`}
        value={made?.secret}
        onClose={() => setMade(undefined)}
      >
        It is shown only now: keep it where the program reads it, and nowhere else.
      </Secret>
    </section>
  );
}

function Row({ it }: { it: ApiKey }) {
  const api = useApi();
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.delete(`/api/v1/me/keys/${it.id}`),
    onSuccess: () => {
      announce(`“${it.name}” is deleted. It stops working within a minute.`);
      void queries.invalidateQueries({ queryKey: KEYS });
    },
    onError: error => announceProblem(error, 'Delete the key'),
  });
  const over = it.expires_at !== null && new Date(it.expires_at) <= new Date();
  return (
    <li>
      <div>
        <h3>{it.name}</h3>
        <p className="small quiet">
          {it.scopes.map(Words).join(', ')}. Made {date(it.created_at)},{' '}
          {it.last_used_at ? `last used ${date(it.last_used_at)}` : 'never used'},{' '}
          {it.expires_at === null
            ? 'does not expire'
            : `${over ? 'expired' : 'expires'} ${date(it.expires_at)}`}
          .
        </p>
      </div>
      <Confirm
        action="Delete"
        label={`Delete “${it.name}”`}
        title={`Delete the key “${it.name}”`}
        danger
        busy={remove.isPending}
        onConfirm={(_, close) => remove.mutate(undefined, { onSuccess: close })}
      >
        Programs that use it are refused from then on.
      </Confirm>
    </li>
  );
}

function NewKey({ onMade }: { onMade: (key: NewApiKey) => void }) {
  const api = useApi();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<string[]>(['read']);
  const [days, setDays] = useState('90');
  const create = useMutation({
    mutationFn: () =>
      api.post('/api/v1/me/keys', {
        name,
        scopes: SCOPES.map(it => it.value).filter(it => scopes.includes(it)),
        expires_at:
          days === 'never' ? null : new Date(Date.now() + Number(days) * DAY_MS).toISOString(),
      }),
    onSuccess: key => {
      setOpen(false);
      setName('');
      onMade(key);
    },
    onError: error => announceProblem(error, 'Make the key'),
  });
  const field = (pointer: string) =>
    isProblem(create.error) ? create.error.field(pointer) : undefined;
  return (
    <>
      <Button size="xs" onClick={() => setOpen(true)}>
        New key
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title="New API key">
        <form
          className="stack"
          onSubmit={event => {
            event.preventDefault();
            create.mutate();
          }}
        >
          <TextInput
            data-autofocus
            label="Name"
            description="Which program uses it."
            required
            maxLength={80}
            value={name}
            error={field('/name')}
            onChange={event => setName(event.currentTarget.value)}
          />
          <Checkbox.Group
            label="What it may do"
            value={scopes}
            error={field('/scopes')}
            onChange={setScopes}
          >
            <div className="stack">
              {SCOPES.map(it => (
                <Checkbox key={it.value} {...it} />
              ))}
            </div>
          </Checkbox.Group>
          <Select
            label="Expires"
            allowDeselect={false}
            data={EXPIRIES}
            value={days}
            error={field('/expires_at')}
            onChange={value => setDays(value ?? '90')}
          />
          <Button
            type="submit"
            loading={create.isPending}
            disabled={name.trim() === '' || scopes.length === 0}
          >
            Make the key
          </Button>
        </form>
      </Modal>
    </>
  );
}
