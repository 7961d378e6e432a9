import { Button, Menu } from '@mantine/core';
import type { LightingRig, Preset } from '@prolight/client';
import { IconBookmark } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import { useSignedIn } from '../../context.tsx';
import { Words } from '../../ui/format.tsx';
import type { Draft } from './draft.ts';
import type { Part } from './Library.tsx';
import { NAMED } from './rig.ts';

/** The dialogs are no part of the first page. */
const Library = lazy(() => import('./Library.tsx'));

interface Props {
  draft: Draft;
  onRig: (rig: LightingRig) => void;
  onPreset: (preset: Preset) => void;
  onListing: (listing: NonNullable<Draft['listing']>) => void;
}

/** Rigs to begin with, one's own presets, and bought listings. */
export function Presets({ draft, onRig, onPreset, onListing }: Props) {
  const signedIn = useSignedIn();
  const [open, setOpen] = useState<Part>();
  return (
    <div className="row">
      <Menu position="bottom-start" width={240}>
        <Menu.Target>
          <Button size="compact-sm" variant="default">
            Load
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Begin with</Menu.Label>
          {NAMED.map(([name, rig]) => (
            <Menu.Item key={name} onClick={() => onRig(structuredClone(rig))}>
              {Words(name)}
            </Menu.Item>
          ))}
          {signedIn && (
            <>
              <Menu.Divider />
              <Menu.Item onClick={() => setOpen('presets')}>Your presets…</Menu.Item>
              <Menu.Item onClick={() => setOpen('bought')}>What you bought…</Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {signedIn && (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconBookmark size={14} />}
          onClick={() => setOpen('saving')}
        >
          Save
        </Button>
      )}
      {open && (
        <Suspense>
          <Library
            part={open}
            draft={draft}
            onPreset={onPreset}
            onListing={onListing}
            onClose={() => setOpen(undefined)}
          />
        </Suspense>
      )}
    </div>
  );
}
