import { Checkbox, NumberInput, Select, Switch, Textarea, TextInput } from '@mantine/core';
import type {
  DemoSubject,
  ListingChange,
  ListingDraft,
  Problem,
  Slot,
  StructuredPrompt,
} from '@prolight/client';
import { useEffect, useState } from 'react';
import { SUBJECT_NAMES, SUBJECTS, sentence, words } from '../../ui/format.tsx';
import { place } from '../../ui/problem.tsx';
import { isSame } from '../../ui/saveIfUnchanged.ts';
import { BackdropPanel, CameraPanel, LightPanel } from '../studio/Inspector.tsx';
import { Plan } from '../studio/Plan.tsx';
import { Preview } from '../studio/Preview.tsx';
import { CAMERA, FIRST } from '../studio/rig.ts';
import { band, CATEGORIES } from './listing.ts';
import classes from './Sell.module.css';

interface Props {
  draft: ListingChange;
  /** Whether it follows a version that buyers have. */
  follows?: boolean;
  onChange: (change: Partial<ListingChange>) => void;
  /** Told whether what is typed can be read: what cannot is not in the draft. */
  onReadable: (isReadable: boolean) => void;
  problem?: Problem;
}

/** What a listing says and what it sells. */
export function ListingForm({ draft, follows, onChange, onReadable, problem }: Props) {
  const field = (pointer: string) => problem?.field(pointer);
  return (
    <>
      <section className="panel stack" aria-labelledby="says">
        <h2 id="says">What buyers read</h2>
        <TextInput
          label="Title"
          required
          maxLength={80}
          value={draft.title}
          error={field('/title')}
          onChange={event => onChange({ title: event.currentTarget.value })}
        />
        <Textarea
          label="Description"
          required
          autosize
          minRows={4}
          maxRows={14}
          maxLength={4000}
          value={draft.description}
          error={field('/description')}
          onChange={event => onChange({ description: event.currentTarget.value })}
        />
        {follows && (
          <Textarea
            label="What is new in this version"
            description="Shown on its page, and to those who bought an earlier one. It may be empty."
            autosize
            minRows={2}
            maxLength={1000}
            value={draft.changes ?? ''}
            error={field('/changes')}
            onChange={event => onChange({ changes: event.currentTarget.value || null })}
          />
        )}
        <div className="columns">
          <Select
            label="Category"
            description="Where buyers look for it"
            allowDeselect={false}
            data={CATEGORIES.map(value => ({ value, label: words(value) }))}
            value={draft.category}
            onChange={value => value && onChange({ category: value as ListingDraft['category'] })}
          />
          <NumberInput
            label="Price, US dollars"
            description={sentence(band(draft.type))}
            min={0}
            decimalScale={2}
            prefix="$"
            hideControls
            value={draft.price.amount / 100}
            error={field('/price/amount') ?? field('/price')}
            onChange={value =>
              onChange({ price: { ...draft.price, amount: Math.round(Number(value) * 100) } })
            }
          />
          <Tags value={draft.tags} error={field('/tags')} onChange={tags => onChange({ tags })} />
        </div>
        <TextInput
          label="Attribution"
          description="A line that pictures made with it must carry; empty if none."
          maxLength={200}
          value={draft.attribution ?? ''}
          error={field('/attribution')}
          onChange={event => onChange({ attribution: event.currentTarget.value || null })}
        />
      </section>
      <Content draft={draft} onChange={onChange} onReadable={onReadable} problem={problem} />
      <Demo draft={draft} onChange={onChange} />
    </>
  );
}

/**
 * Text that stands for a value, as it was typed. Where the value is no longer the one that was
 * typed, because what is stored was loaded, it is written anew.
 */
function useTyped(value: unknown, write: () => string) {
  const [typed, setTyped] = useState<{ text: string; value: unknown }>();
  const isOfValue = typed !== undefined && isSame(typed.value, value);
  const type = (text: string, stands: unknown) => setTyped({ text, value: stands });
  return [isOfValue ? typed.text : write(), type] as const;
}

/** Words separated by commas. */
function Tags({
  value,
  error,
  onChange,
}: {
  value: string[];
  error: string | undefined;
  onChange: (tags: string[]) => void;
}) {
  const [text, type] = useTyped(value, () => value.join(', '));
  return (
    <TextInput
      label="Tags"
      description="At most nine, separated by commas"
      value={text}
      error={error}
      onChange={event => {
        const parts = event.currentTarget.value.split(',').map(tag => tag.trim().toLowerCase());
        const tags = [...new Set(parts.filter(tag => tag !== ''))].slice(0, 9);
        type(event.currentTarget.value, tags);
        onChange(tags);
      }}
    />
  );
}

function Content({ draft, onChange, onReadable, problem }: Props) {
  const { content } = draft;
  const set = (change: Partial<typeof content>) => onChange({ content: { ...content, ...change } });
  switch (draft.type) {
    case 'lighting_preset':
      return <Rig draft={draft} onChange={onChange} />;
    case 'camera_preset':
      return (
        <section className="panel stack" aria-label="What is sold">
          {content.camera && (
            <CameraPanel camera={content.camera} onChange={camera => set({ camera })} />
          )}
        </section>
      );
    case 'fibo_template':
      return (
        <Template draft={draft} onChange={onChange} onReadable={onReadable} problem={problem} />
      );
    case 'model_finetune':
      return (
        <section className="panel stack" aria-labelledby="sold">
          <h2 id="sold">What is sold</h2>
          <TextInput
            label="Id of your tailored model at Bria"
            description="Buyers use it by naming the listing. The id is never shown."
            required
            maxLength={100}
            value={content.model_id ?? ''}
            error={problem?.field('/content/model_id')}
            onChange={event => set({ model_id: event.currentTarget.value })}
          />
        </section>
      );
  }
}

function Rig({ draft, onChange }: Pick<Props, 'draft' | 'onChange'>) {
  const [selected, setSelected] = useState(0);
  const rig = draft.content.lighting ?? FIRST;
  const camera = draft.content.camera ?? CAMERA;
  const set = (lighting: typeof rig) => onChange({ content: { ...draft.content, lighting } });
  return (
    <section className="panel stack" aria-labelledby="sold">
      <h2 id="sold">What is sold</h2>
      <div className={classes.rig}>
        <div className="stack">
          <Plan
            rig={rig}
            focalLength={camera.focal_length_mm}
            selected={selected}
            onSelect={setSelected}
            onMove={(index, change) =>
              set({
                ...rig,
                lights: rig.lights.map((it, nth) => (nth === index ? { ...it, ...change } : it)),
              })
            }
            onRemove={index => {
              set({ ...rig, lights: rig.lights.filter((_, nth) => nth !== index) });
              setSelected(0);
            }}
          />
          <Preview rig={rig} camera={camera} />
        </div>
        <div className="stack-lg">
          <LightPanel rig={rig} selected={selected} onSelect={setSelected} onChange={set} />
          <BackdropPanel rig={rig} onChange={set} />
        </div>
      </div>
    </section>
  );
}

function Template({ draft, onChange, onReadable, problem }: Props) {
  const { content } = draft;
  const prompt = content.structured_prompt;
  const [text, type] = useTyped(prompt, () => JSON.stringify(prompt, null, 2));
  const isReadable = parsed(text) !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever the text can be read or not.
  useEffect(() => {
    onReadable(isReadable);
    return () => onReadable(true);
  }, [isReadable]);
  const slots = content.slots ?? [];
  const setSlots = (next: Slot[]) => onChange({ content: { ...content, slots: next } });
  const used = [
    ...new Set([...text.matchAll(/\{\{([a-z][a-z0-9_]*)\}\}/g)].map(it => it[1] ?? '')),
  ];
  const missing = used.filter(name => !slots.some(slot => slot.name === name));
  const wrong = problem?.errors.filter(it => it.pointer.startsWith('/content')) ?? [];
  const wrongInSlot = (nth: number, name: keyof Slot) =>
    problem?.field(`/content/slots/${nth}/${name}`);
  return (
    <section className="panel stack" aria-labelledby="sold">
      <h2 id="sold">What is sold</h2>
      <Textarea
        label="Structured prompt"
        description="Write {{name}} where the buyer fills something in."
        classNames={{ input: classes.code }}
        autosize
        minRows={10}
        maxRows={26}
        spellCheck={false}
        value={text}
        error={
          isReadable
            ? wrong
                .filter(it => !/^\/content\/slots\/\d+\/\w+$/.test(it.pointer))
                .map(({ pointer, detail }) => inPrompt(pointer, detail))
                .join(' ') || undefined
            : 'This is not valid JSON yet, and is saved once it is.'
        }
        onChange={event => {
          const next = parsed(event.currentTarget.value) ?? prompt;
          type(event.currentTarget.value, next);
          onChange({ content: { ...content, structured_prompt: next } });
        }}
      />
      <h3>What the buyer fills in</h3>
      {slots.map((slot, nth) => {
        const set = (change: Partial<Slot>) =>
          setSlots(slots.map((it, at) => (at === nth ? { ...it, ...change } : it)));
        return (
          <div key={nth} className="columns">
            <TextInput
              size="xs"
              label="Name"
              value={slot.name}
              error={
                wrongInSlot(nth, 'name') ??
                (used.includes(slot.name) ? undefined : `Not used: write {{${slot.name}}}`)
              }
              onChange={event => set({ name: event.currentTarget.value })}
            />
            <TextInput
              size="xs"
              label="Label"
              value={slot.label}
              error={wrongInSlot(nth, 'label')}
              onChange={event => set({ label: event.currentTarget.value })}
            />
            <TextInput
              size="xs"
              label="Usual value"
              value={slot.default ?? ''}
              error={wrongInSlot(nth, 'default')}
              onChange={event => set({ default: event.currentTarget.value || undefined })}
            />
          </div>
        );
      })}
      <div className="row">
        {missing.map(name => (
          <button
            key={name}
            type="button"
            className={classes.add}
            onClick={() => setSlots([...slots, { name, label: words(name) }])}
          >
            Add {`{{${name}}}`}
          </button>
        ))}
        {slots.some(slot => !used.includes(slot.name)) && (
          <button
            type="button"
            className={classes.add}
            onClick={() => setSlots(slots.filter(slot => used.includes(slot.name)))}
          >
            Remove unused
          </button>
        )}
      </div>
    </section>
  );
}

/** What is wrong, with the place within the prompt that is meant. */
function inPrompt(pointer: string, detail: string): string {
  const inner = pointer.replace(/^\/content(\/structured_prompt)?/, '');
  return inner === '' ? detail : `${place(inner)}: ${detail}`;
}

function parsed(json: string): StructuredPrompt | undefined {
  try {
    const it: unknown = JSON.parse(json);
    const isObject = typeof it === 'object' && it !== null && !Array.isArray(it);
    return isObject ? (it as StructuredPrompt) : undefined;
  } catch {
    return undefined;
  }
}

function Demo({ draft, onChange }: Pick<Props, 'draft' | 'onChange'>) {
  const { demo } = draft;
  const set = (change: Partial<typeof demo>) => onChange({ demo: { ...demo, ...change } });
  if (draft.type !== 'lighting_preset' && draft.type !== 'camera_preset') return null;
  return (
    <section className="panel stack" aria-labelledby="demo">
      <div className="row between">
        <h2 id="demo">Live demo</h2>
        <Switch
          aria-label="Live demo"
          checked={demo.enabled}
          onChange={event => set({ enabled: event.currentTarget.checked })}
        />
      </div>
      {demo.enabled && (
        <>
          <Checkbox.Group
            label="Subjects"
            value={demo.subjects}
            onChange={subjects =>
              subjects.length > 0 && set({ subjects: subjects as DemoSubject[] })
            }
          >
            <div className="row">
              {SUBJECTS.map(value => (
                <Checkbox key={value} value={value} label={SUBJECT_NAMES[value]} />
              ))}
            </div>
          </Checkbox.Group>
          <div className="columns">
            <NumberInput
              label="Visitors may change all lights by, stops"
              min={0}
              max={3}
              step={0.5}
              decimalScale={1}
              value={demo.stops_max}
              onChange={value => set({ stops_max: Number(value) })}
            />
            <NumberInput
              label="Warmer or colder by, kelvin"
              min={0}
              max={3000}
              step={100}
              value={demo.kelvin_max}
              onChange={value => set({ kelvin_max: Number(value) })}
            />
          </div>
          <Checkbox
            label="Visitors may change the lens"
            checked={demo.lens}
            onChange={event => set({ lens: event.currentTarget.checked })}
          />
        </>
      )}
    </section>
  );
}
