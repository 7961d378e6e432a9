import { Button, Textarea, TextInput } from '@mantine/core';
import type { Me } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ME, useApi, useMe, useServices } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { ConflictNotice } from '../../ui/ConflictNotice.tsx';
import { dateTime } from '../../ui/format.tsx';
import { Loaded } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { useEdit } from '../../ui/useEdit.ts';

export function Profile() {
  const me = useMe();
  return (
    <Loaded query={me}>
      {it => (
        <>
          <Names it={it} />
          <Export />
          <Delete it={it} />
        </>
      )}
    </Loaded>
  );
}

function Names({ it }: { it: Me }) {
  const api = useApi();
  const queries = useQueryClient();
  const edit = useEdit({
    stored: it,
    draftOf: ({ display_name, bio }) => ({ name: display_name ?? '', bio: bio ?? '' }),
    action: 'Save',
    read: () => api.read('/api/v1/me'),
    write: ({ name, bio }, ask) => {
      const body = { display_name: orNull(name), bio: orNull(bio) };
      return api.patch('/api/v1/me', body, ask);
    },
    onStored: now => queries.setQueryData(ME, now),
    onSaved: () => announce('Your profile is saved. Listings show it within moments.'),
  });
  return (
    <form
      className="panel stack"
      aria-labelledby="profile"
      onSubmit={event => {
        event.preventDefault();
        edit.save();
      }}
    >
      <h2 id="profile">Profile</h2>
      <TextInput
        label="Name"
        description="Shown beside your listings and reviews."
        maxLength={80}
        value={edit.draft.name}
        error={edit.problem?.field('/display_name')}
        onChange={event => edit.change({ name: event.currentTarget.value })}
      />
      <Textarea
        label="About you"
        autosize
        minRows={2}
        maxLength={1000}
        value={edit.draft.bio}
        error={edit.problem?.field('/bio')}
        onChange={event => edit.change({ bio: event.currentTarget.value })}
      />
      <ConflictNotice edit={edit} />
      <div>
        <Button type="submit" loading={edit.isSaving}>
          Save
        </Button>
      </div>
    </form>
  );
}

function orNull(text: string): string | null {
  return text.trim() === '' ? null : text;
}

interface Exported {
  items: unknown[];
  files: { name: string; url: string }[];
  next_cursor: string | null;
}

/** All pages of the export in one file. */
function Export() {
  const api = useApi();
  const [pages, setPages] = useState(0);
  const all = useMutation({
    mutationFn: async () => {
      const whole: { items: unknown[]; files: Exported['files'] } = { items: [], files: [] };
      let cursor: string | undefined;
      for (let page = 1; ; page += 1) {
        setPages(page);
        const part = await api.get('/api/v1/me/export', { cursor });
        whole.items.push(...part.items);
        whole.files.push(...part.files);
        if (part.next_cursor === null) return whole;
        cursor = part.next_cursor;
      }
    },
    onSuccess: whole => {
      const url = URL.createObjectURL(
        new Blob([JSON.stringify(whole, null, 2)], { type: 'application/json' }),
      );
      const link = document.createElement('a');
      link.href = url;
      link.download = 'prolight-export.json';
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      announce(`${whole.items.length} records. The links to files in it work for ten minutes.`);
    },
    onError: error => announceProblem(error, 'Export'),
  });
  return (
    <section className="panel stack" aria-labelledby="export">
      <h2 id="export">Your data</h2>
      <p>Everything that is kept about you, as one file.</p>
      <div className="row">
        <Button variant="default" loading={all.isPending} onClick={() => all.mutate()}>
          Export
        </Button>
        {all.isPending && (
          <span className="quiet" role="status">
            Page {pages}
          </span>
        )}
      </div>
    </section>
  );
}

function Delete({ it }: { it: Me }) {
  const { api, session } = useServices();
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.delete('/api/v1/me'),
    onSuccess: now => {
      queries.setQueryData(ME, now);
      announce('Your account is being deleted.');
      void session.end();
    },
    onError: error => announceProblem(error, 'Delete the account'),
  });
  return (
    <section className="panel stack" aria-labelledby="delete">
      <h2 id="delete">Delete the account</h2>
      {it.deletion ? (
        <p>
          You asked for it {dateTime(it.deletion.requested_at)}.{' '}
          {it.deletion.erased_at
            ? `Your data was deleted ${dateTime(it.deletion.erased_at)}.`
            : 'Your data is being deleted.'}{' '}
          The account can only be read.
        </p>
      ) : (
        <>
          <p>
            Your subscription ends, your listings are taken off sale, and your pictures and personal
            data are deleted. What the law requires of payments is kept without your name.
          </p>
          <div>
            <Confirm
              action="Delete my account"
              title="Delete your account for good"
              danger
              typed="delete"
              busy={remove.isPending}
              onConfirm={() => remove.mutate()}
            >
              This cannot be undone. Export your data first if you want to keep it.
            </Confirm>
          </div>
        </>
      )}
    </section>
  );
}
