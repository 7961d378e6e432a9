import { Button, Modal, TextInput } from '@mantine/core';
import type { Preset, PresetRequest } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { ConflictNotice } from '../../ui/ConflictNotice.tsx';
import { TYPE_NAMES, When } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { useEdit } from '../../ui/useEdit.ts';
import { type Draft, toPreset } from './draft.ts';

const PRESETS = ['presets'] as const;

/** What can be opened: the form that saves the set, one's presets, or what one bought. */
export type Part = 'saving' | 'presets' | 'bought';

const TITLES: Record<Part, string> = {
  saving: 'Save this set as a preset',
  presets: 'Your presets',
  bought: 'What you bought',
};

/** Sets that are kept, in a dialog. */
export default function Library({
  part,
  draft,
  onPreset,
  onListing,
  onClose,
}: {
  part: Part;
  draft: Draft;
  onPreset: (preset: Preset) => void;
  onListing: (listing: NonNullable<Draft['listing']>) => void;
  onClose: () => void;
}) {
  return (
    <Modal opened onClose={onClose} title={TITLES[part]} size={part === 'presets' ? 'lg' : 'md'}>
      {part === 'saving' && <SavePreset draft={draft} onSaved={onClose} />}
      {part === 'presets' && (
        <OwnPresets
          draft={draft}
          onLoad={preset => {
            onPreset(preset);
            onClose();
          }}
        />
      )}
      {part === 'bought' && (
        <BoughtListings
          onUse={listing => {
            onListing(listing);
            onClose();
          }}
        />
      )}
    </Modal>
  );
}

/** The member's presets: put on the table, replaced by what is on it, or deleted. */
function OwnPresets({ draft, onLoad }: { draft: Draft; onLoad: (preset: Preset) => void }) {
  const api = useApi();
  const list = usePages(PRESETS, (cursor, signal) =>
    api.get('/api/v1/presets', { limit: 20, cursor }, signal),
  );
  return (
    <List query={list} empty="None saved yet. Save keeps the set on the table under a name.">
      <ul className="entries">
        {list.items.map(it => (
          <Own key={it.id} it={it} draft={draft} onLoad={onLoad} />
        ))}
      </ul>
    </List>
  );
}

function Own({
  it,
  draft,
  onLoad,
}: {
  it: Preset;
  draft: Draft;
  onLoad: (preset: Preset) => void;
}) {
  const api = useApi();
  const queries = useQueryClient();
  const path = `/api/v1/presets/${it.id}` as const;
  const refresh = () => void queries.invalidateQueries({ queryKey: PRESETS });
  const edit = useEdit({
    stored: it,
    draftOf: contentOf,
    action: 'Replace the preset',
    read: () => api.read(path),
    write: (preset, ask) => api.put(path, preset, ask),
    onStored: refresh,
    onSaved: () => announce(`“${it.name}” is now the set on the table.`),
  });
  const remove = useMutation({
    mutationFn: () => api.delete(path),
    onSuccess: () => {
      announce(`“${it.name}” is deleted.`);
      refresh();
    },
    onError: error => announceProblem(error, 'Delete the preset'),
  });
  return (
    <li>
      <span>
        <b>{it.name}</b>{' '}
        <span className="small quiet">
          <When at={it.created_at} />
        </span>
      </span>
      <span className="row">
        <Button size="xs" aria-label={`Load “${it.name}”`} onClick={() => onLoad(it)}>
          Load
        </Button>
        <Confirm
          action="Replace"
          label={`Replace “${it.name}”`}
          title={`Replace “${it.name}”`}
          busy={edit.isSaving}
          onConfirm={(_, close) => edit.save(toPreset(draft, it.name), close)}
        >
          <div className="stack">
            <p>It becomes the set on the table: its lights, camera and prompt.</p>
            <ConflictNotice edit={edit} onLoad={onLoad} />
          </div>
        </Confirm>
        <Confirm
          action="Delete"
          label={`Delete “${it.name}”`}
          title={`Delete “${it.name}”`}
          danger
          busy={remove.isPending}
          onConfirm={(_, close) => remove.mutate(undefined, { onSuccess: close })}
        >
          Pictures that were made with it stay.
        </Confirm>
      </span>
    </li>
  );
}

/** What of a preset is replaced. */
function contentOf({ id: _, created_at: __, updated_at: ___, ...content }: Preset): PresetRequest {
  return content;
}

/** Bought listings that a picture can be made with. */
function BoughtListings({ onUse }: { onUse: (listing: NonNullable<Draft['listing']>) => void }) {
  const api = useApi();
  const list = usePages(['purchases', 'usable'], async (cursor, signal) => {
    const query = { limit: 50, cursor };
    const page = await api.get('/api/v1/marketplace/purchases', query, signal);
    return { ...page, items: page.items.filter(it => it.entitlement === 'active') };
  });
  return (
    <List
      query={list}
      empty={
        <>
          Nothing yet. <Link to="/market">The market</Link> has rigs, cameras and templates.
        </>
      }
    >
      <ul className="entries">
        {list.items.map(it => (
          <li key={it.id}>
            <span>
              <b>{it.title}</b> <span className="small quiet">{TYPE_NAMES[it.type]}</span>
            </span>
            <Button
              size="xs"
              aria-label={`Use “${it.title}”`}
              onClick={() =>
                onUse({ id: it.listing_id, title: it.title, type: it.type, slots: {} })
              }
            >
              Use
            </Button>
          </li>
        ))}
      </ul>
    </List>
  );
}

function SavePreset({ draft, onSaved }: { draft: Draft; onSaved: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const save = useMutation({
    mutationFn: () => api.post('/api/v1/presets', toPreset(draft, name)),
    onSuccess: () => {
      announce(`“${name}” is saved with its lights, camera and prompt.`);
      void queries.invalidateQueries({ queryKey: PRESETS });
      onSaved();
    },
    onError: error => announceProblem(error, 'Save the preset'),
  });
  return (
    <form
      className="stack"
      onSubmit={event => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <TextInput
        data-autofocus
        label="Name"
        required
        maxLength={80}
        value={name}
        onChange={event => setName(event.currentTarget.value)}
      />
      <Button type="submit" loading={save.isPending} disabled={name.trim() === ''}>
        Save
      </Button>
    </form>
  );
}
