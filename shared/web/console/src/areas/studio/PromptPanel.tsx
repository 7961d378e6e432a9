import { Button, Collapse, SegmentedControl, Textarea, TextInput } from '@mantine/core';
import type { ListingType } from '@prolight/client';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useApi, useMe } from '../../context.tsx';
import { announceProblem } from '../../ui/problem.tsx';
import { type Draft, hindrance } from './draft.ts';
import classes from './Studio.module.css';

interface Props {
  draft: Draft;
  onChange: (change: Partial<Draft>) => void;
  onGenerate: () => void;
  busy: boolean;
}

/** What is in the picture, and what it costs. */
export function PromptPanel({ draft, onChange, onGenerate, busy }: Props) {
  const [more, setMore] = useState(false);
  const api = useApi();
  const structure = useMutation({
    mutationFn: () =>
      api.post('/api/v1/prompts/structure', {
        prompt: draft.prompt,
        lighting: draft.rig,
        camera: draft.camera,
      }),
    onSuccess: answer =>
      onChange({ structured: JSON.stringify(answer.structured_prompt, null, 2) }),
    onError: error => announceProblem(error, 'Structure the prompt'),
  });
  return (
    <section className="stack" aria-labelledby="subject">
      <div className="row between">
        <h2 id="subject">Picture</h2>
        {!draft.listing && (
          <SegmentedControl
            size="xs"
            aria-label="Kind of prompt"
            data={[
              { value: 'text', label: 'Words' },
              { value: 'structured', label: 'Structured' },
            ]}
            value={draft.structured === null ? 'text' : 'structured'}
            onChange={kind => {
              if (kind === 'text') onChange({ structured: null });
              else if (draft.prompt.trim() === '') onChange({ structured: SKELETON });
              else structure.mutate();
            }}
          />
        )}
      </div>
      {draft.listing && (
        <ListingInUse listing={draft.listing} onChange={listing => onChange({ listing })} />
      )}
      {draft.structured === null || draft.listing ? (
        <Textarea
          label={draft.listing ? 'Refinement' : 'Prompt'}
          placeholder={
            draft.listing
              ? 'What the picture shows'
              : 'A calm studio portrait of a woman in a teal roll-neck'
          }
          autosize
          minRows={3}
          maxRows={10}
          maxLength={2000}
          value={draft.prompt}
          onChange={event => onChange({ prompt: event.currentTarget.value })}
          onKeyDown={event => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onGenerate();
          }}
        />
      ) : (
        <Textarea
          label="Structured prompt"
          description="This is what goes to the model. Its lighting part follows the rig when it is generated."
          classNames={{ input: classes.code }}
          autosize
          minRows={8}
          maxRows={22}
          spellCheck={false}
          value={draft.structured}
          onChange={event => onChange({ structured: event.currentTarget.value })}
        />
      )}
      {structure.isPending && (
        <p className="small quiet" role="status">
          Structuring the prompt…
        </p>
      )}
      <div className="row between">
        <SegmentedControl
          size="xs"
          aria-label="Quality"
          data={[
            { value: 'standard', label: 'Standard' },
            { value: 'lite', label: 'Lite' },
          ]}
          value={draft.quality}
          onChange={quality => onChange({ quality: quality as Draft['quality'] })}
        />
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          aria-expanded={more}
          onClick={() => setMore(!more)}
        >
          {more ? 'Less' : 'Seed, what to leave out'}
        </Button>
      </div>
      <Collapse expanded={more}>
        <div className="stack">
          <TextInput
            label="Leave out"
            placeholder={draft.quality === 'lite' ? 'Only in standard quality' : 'logos, jewellery'}
            disabled={draft.quality === 'lite'}
            maxLength={1000}
            value={draft.negative}
            onChange={event => onChange({ negative: event.currentTarget.value })}
          />
          <TextInput
            type="number"
            label="Seed"
            description="The same input and seed give the same picture. Empty draws a new one."
            min={0}
            value={draft.seed ?? ''}
            onChange={event => {
              const { value, valueAsNumber } = event.currentTarget;
              onChange({ seed: value === '' ? null : Math.max(0, Math.trunc(valueAsNumber)) });
            }}
          />
        </div>
      </Collapse>
      <Generate draft={draft} onGenerate={onGenerate} busy={busy} />
    </section>
  );
}

const SKELETON = JSON.stringify(
  {
    short_description: '',
    background_setting: '',
    lighting: { conditions: '' },
    aesthetics: { composition: '' },
    context: '',
  },
  null,
  2,
);

/** The price before it is spent. */
function Generate({ draft, onGenerate, busy }: Pick<Props, 'draft' | 'onGenerate' | 'busy'>) {
  const { data: me } = useMe();
  const hindered = hindrance(draft, me);
  const credits = me?.credits;
  return (
    <div className={classes.generate}>
      <Button fullWidth loading={busy} disabled={hindered !== undefined} onClick={onGenerate}>
        Generate for 1 credit
      </Button>
      <p className="small quiet" aria-live="polite">
        {hindered ??
          (credits === undefined
            ? 'A new member begins with free credits.'
            : credits.unlimited
              ? 'Your plan includes it, within fair use.'
              : `You have ${credits.available}. It is charged only for a finished picture.`)}
      </p>
    </div>
  );
}

const BROUGHT: Record<ListingType, string> = {
  lighting_preset: 'Its rig is used in place of the one on the plan.',
  camera_preset: 'Its camera is used in place of yours.',
  fibo_template: 'Its prompt, rig and camera are used.',
  model_finetune: 'Its model makes the picture, in your light.',
};

function ListingInUse({
  listing,
  onChange,
}: {
  listing: NonNullable<Draft['listing']>;
  onChange: (listing: Draft['listing']) => void;
}) {
  const api = useApi();
  const { data } = useQuery({
    queryKey: ['listing', listing.id],
    queryFn: ({ signal }) =>
      api.get(`/api/v1/marketplace/listings/${listing.id}`, undefined, signal),
  });
  const type = data?.type;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once it is known.
  useEffect(() => {
    if (type !== undefined && listing.type !== type) {
      onChange({ ...listing, type, title: data?.title ?? listing.title });
    }
  }, [type]);
  return (
    <div className={classes.listing}>
      <div className="row between">
        <span>
          With <b>{data?.title ?? listing.title}</b>
        </span>
        <Button size="compact-xs" variant="default" onClick={() => onChange(null)}>
          Remove
        </Button>
      </div>
      {type && <p className="small quiet">{BROUGHT[type]}</p>}
      {data?.slots.map(slot => (
        <TextInput
          key={slot.name}
          size="xs"
          label={slot.label}
          maxLength={200}
          value={listing.slots[slot.name] ?? ''}
          onChange={event => {
            const slots = { ...listing.slots, [slot.name]: event.currentTarget.value };
            if (slots[slot.name] === '') delete slots[slot.name];
            onChange({ ...listing, slots });
          }}
        />
      ))}
    </div>
  );
}
