import { ActionIcon, Button, Menu, Modal, TextInput } from '@mantine/core';
import type { LightingRig, Preset } from '@prolight/client';
import { IconBookmark, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useApi, useSignedIn } from '../../context.tsx';
import { Words } from '../../ui/format.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import type { Draft } from './draft.ts';
import { NAMED } from './rig.ts';

interface Props {
  draft: Draft;
  onRig: (rig: LightingRig) => void;
  onPreset: (preset: Preset) => void;
  onListing: (listing: NonNullable<Draft['listing']>) => void;
}

/** Rigs to begin with, one's own presets, and bought listings. */
export function Presets({ draft, onRig, onPreset, onListing }: Props) {
  const api = useApi();
  const signedIn = useSignedIn();
  const queries = useQueryClient();
  const [naming, setNaming] = useState(false);
  const presets = useQuery({
    queryKey: ['presets'],
    queryFn: ({ signal }) => api.get('/api/v1/presets', { limit: 50 }, signal),
    enabled: signedIn,
  });
  const bought = useQuery({
    queryKey: ['purchases', 'usable'],
    queryFn: ({ signal }) => api.get('/api/v1/marketplace/purchases', { limit: 50 }, signal),
    enabled: signedIn,
  });
  const remove = useMutation({
    mutationFn: (id: string) => api.delete(`/api/v1/presets/${id}`),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['presets'] }),
    onError: error => announceProblem(error, 'Delete the preset'),
  });
  const usable = bought.data?.items.filter(it => it.entitlement === 'active') ?? [];
  return (
    <div className="row">
      <Menu position="bottom-start" width={280}>
        <Menu.Target>
          <Button size="compact-sm" variant="default">
            Load
          </Button>
        </Menu.Target>
        <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>
          <Menu.Label>Begin with</Menu.Label>
          {NAMED.map(([name, rig]) => (
            <Menu.Item key={name} onClick={() => onRig(structuredClone(rig))}>
              {Words(name)}
            </Menu.Item>
          ))}
          <Menu.Label>Your presets</Menu.Label>
          {presets.data?.items.length === 0 && <Menu.Item disabled>None saved yet</Menu.Item>}
          {presets.data?.items.map(preset => (
            <Menu.Item
              key={preset.id}
              onClick={() => onPreset(preset)}
              rightSection={
                <ActionIcon
                  component="span"
                  size="sm"
                  variant="subtle"
                  color="gray"
                  aria-label={`Delete ${preset.name}`}
                  onClick={(event: React.MouseEvent) => {
                    event.stopPropagation();
                    remove.mutate(preset.id);
                  }}
                >
                  <IconTrash size={14} />
                </ActionIcon>
              }
            >
              {preset.name}
            </Menu.Item>
          ))}
          {usable.length > 0 && <Menu.Label>Bought</Menu.Label>}
          {usable.map(it => (
            <Menu.Item
              key={it.id}
              onClick={() =>
                onListing({ id: it.listing_id, title: it.title, type: it.type, slots: {} })
              }
            >
              {it.title}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {signedIn && (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconBookmark size={14} />}
          onClick={() => setNaming(true)}
        >
          Save
        </Button>
      )}
      <SavePreset draft={draft} opened={naming} onClose={() => setNaming(false)} />
    </div>
  );
}

function SavePreset({
  draft,
  opened,
  onClose,
}: {
  draft: Draft;
  opened: boolean;
  onClose: () => void;
}) {
  const api = useApi();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const save = useMutation({
    mutationFn: () =>
      api.post('/api/v1/presets', {
        name,
        lighting: draft.rig,
        camera: draft.camera,
        ...(draft.structured === null
          ? draft.prompt.trim() && { prompt: draft.prompt }
          : { structured_prompt: JSON.parse(draft.structured) }),
        ...(draft.negative.trim() && { negative_prompt: draft.negative }),
      }),
    onSuccess: () => {
      announce(`“${name}” is saved with its lights, camera and prompt.`);
      void queries.invalidateQueries({ queryKey: ['presets'] });
      setName('');
      onClose();
    },
    onError: error => announceProblem(error, 'Save the preset'),
  });
  return (
    <Modal opened={opened} onClose={onClose} title="Save this set as a preset">
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
    </Modal>
  );
}
