import { Button, Tabs } from '@mantine/core';
import { type Light, type LightingRig, newKey } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useApi, useMe, useRefreshMe, useServices, useSignedIn } from '../../context.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { useDraft } from '../../ui/useDraft.ts';
import {
  type Draft,
  emptyDraft,
  fromGeneration,
  fromPreset,
  hindrance,
  replacedBy,
  toRequest,
} from './draft.ts';
import { GENERATIONS, isFinal, useFollow, useGeneration, useRecent } from './generations.ts';
import { BackdropPanel, CameraPanel, LightPanel } from './Inspector.tsx';
import { Plan } from './Plan.tsx';
import { Presets } from './Presets.tsx';
import { Preview } from './Preview.tsx';
import { PromptPanel } from './PromptPanel.tsx';
import { Replaced } from './Replaced.tsx';
import { Results } from './Results.tsx';
import classes from './Studio.module.css';

/** The set, the subject and the picture. */
export function Studio() {
  const { session } = useServices();
  const signedIn = useSignedIn();
  const { data: me } = useMe();
  const api = useApi();
  const queries = useQueryClient();
  const refreshMe = useRefreshMe();
  const [draft, setDraft] = useDraft<Draft>('studio', emptyDraft);
  const [selected, setSelected] = useState(0);
  const [shown, setShown] = useState<string>();
  const results = useRef<HTMLDivElement>(null);
  const change = (part: Partial<Draft>) => setDraft(old => ({ ...old, ...part }));
  useLoadFromAddress(setDraft);

  const recent = useRecent(12);
  const items = recent.data?.items ?? [];
  useFollow(items.filter(it => !isFinal(it)).map(it => it.id));

  // The same press of the button is the same picture, however often it is sent.
  const attempt = useRef<{ request: string; key: string } | null>(null);
  const generate = useMutation({
    mutationFn: () => {
      const request = toRequest(draft);
      const text = JSON.stringify(request);
      if (attempt.current?.request !== text) attempt.current = { request: text, key: newKey() };
      return api.post('/api/v1/generations', request, {
        idempotencyKey: attempt.current.key,
      });
    },
    onSuccess: it => {
      attempt.current = null;
      setShown(it.id);
      // On most windows they are below what is seen.
      results.current?.scrollIntoView({
        behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth',
      });
      void queries.invalidateQueries({ queryKey: [...GENERATIONS, 'recent'] });
      refreshMe();
    },
    onError: error => announceProblem(error, 'Generate'),
  });
  const start = () => {
    if (hindrance(draft, me) !== undefined || generate.isPending) return;
    if (signedIn) generate.mutate();
    else void session.begin('/studio');
  };

  const setRig = (rig: LightingRig) => change({ rig });
  const move = (index: number, part: Partial<Light>) =>
    setDraft(old => ({
      ...old,
      rig: {
        ...old.rig,
        lights: old.rig.lights.map((it, nth) => (nth === index ? { ...it, ...part } : it)),
      },
    }));

  // What a listing sells is shown to its buyers as a download, which ends the refund at once.
  const rigBy = replacedBy(draft, 'lighting');
  const cameraBy = replacedBy(draft, 'camera');
  return (
    <div className={classes.studio}>
      <h1 className="visually-hidden">Studio</h1>
      <section className={classes.set} aria-label="Set">
        <div className="row between">
          <h2>Set</h2>
          <Presets
            draft={draft}
            onRig={rig => {
              setRig(rig);
              setSelected(0);
            }}
            onPreset={preset => setDraft(old => fromPreset(old, preset))}
            onListing={listing => change({ listing })}
          />
        </div>
        <Replaced by={rigBy}>
          <Plan
            rig={draft.rig}
            focalLength={draft.camera.focal_length_mm}
            selected={selected}
            onSelect={setSelected}
            onMove={move}
            onRemove={index => {
              setRig({ ...draft.rig, lights: draft.rig.lights.filter((_, nth) => nth !== index) });
              setSelected(0);
            }}
          />
          <p className="small quiet">
            Drag a light, or focus it: arrows turn and move it, Page Up and Page Down raise it, +
            and − change its stops. Each ring is twice as far.
          </p>
        </Replaced>
      </section>
      <Preview rig={draft.rig} camera={draft.camera} replacedBy={rigBy ?? cameraBy} />
      <section className={classes.inspector} aria-label="Settings of the set">
        <Tabs defaultValue="lights" keepMounted={false}>
          <Tabs.List mb="sm">
            <Tabs.Tab value="lights">Lights</Tabs.Tab>
            <Tabs.Tab value="backdrop">Backdrop</Tabs.Tab>
            <Tabs.Tab value="camera">Camera</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="lights">
            <Replaced by={rigBy}>
              <LightPanel
                rig={draft.rig}
                selected={selected}
                onSelect={setSelected}
                onChange={setRig}
              />
            </Replaced>
          </Tabs.Panel>
          <Tabs.Panel value="backdrop">
            <Replaced by={rigBy}>
              <BackdropPanel rig={draft.rig} onChange={setRig} />
            </Replaced>
          </Tabs.Panel>
          <Tabs.Panel value="camera">
            <CameraPanel
              camera={draft.camera}
              replacedBy={cameraBy}
              onChange={camera => change({ camera })}
            />
          </Tabs.Panel>
        </Tabs>
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          onClick={() => {
            setDraft(emptyDraft());
            setSelected(0);
            announce('The set is as it was at first.');
          }}
        >
          Start over
        </Button>
      </section>
      <section className={classes.side} aria-label="Picture">
        <PromptPanel draft={draft} onChange={change} onGenerate={start} busy={generate.isPending} />
      </section>
      {signedIn && (
        <div ref={results} className={classes.below}>
          <Results
            recent={recent}
            shown={shown ?? items[0]?.id}
            onShow={setShown}
            onUse={it => {
              setDraft(old => fromGeneration(old, it));
              setSelected(0);
              announce(
                'Its rig, camera, prompt and seed are on the table. Change one thing and generate.',
              );
              window.scrollTo({ top: 0 });
            }}
          />
        </div>
      )}
    </div>
  );
}

/** `?from=gen_…` puts a picture's input on the table, `?listing=lst_…` a bought listing. */
function useLoadFromAddress(setDraft: (change: (old: Draft) => Draft) => void): void {
  const { from, listing } = useSearch({ from: '/studio' });
  const navigate = useNavigate();
  const made = useGeneration(from);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each address.
  useEffect(() => {
    if (listing !== undefined) {
      setDraft(old => ({
        ...old,
        listing: { id: listing, title: 'the listing you bought', slots: {} },
      }));
    }
    const picture = made.data;
    if (picture) setDraft(old => fromGeneration(old, picture));
    if (listing !== undefined || picture) {
      void navigate({ to: '/studio', search: {}, replace: true });
    }
  }, [listing, made.data]);
}
