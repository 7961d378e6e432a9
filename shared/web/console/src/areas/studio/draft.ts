import type {
  CameraSettings,
  Generation,
  GenerationRequest,
  LightingRig,
  ListingType,
  Me,
  Preset,
  PresetRequest,
  Quality,
  StructuredPrompt,
} from '@prolight/client';
import { CAMERA, FIRST } from './rig.ts';

/** Everything on the table of the studio, kept in the browser. */
export interface Draft {
  rig: LightingRig;
  camera: CameraSettings;
  prompt: string;
  negative: string;
  /** The structured prompt as text while it is used in place of the prompt. */
  structured: string | null;
  quality: Quality;
  /** A fixed seed; null draws a new one each time. */
  seed: number | null;
  /** A bought listing that the picture is made with. */
  listing: {
    id: string;
    title: string;
    slots: Record<string, string>;
    /** Known once the listing is read. */
    type?: ListingType;
  } | null;
}

export function emptyDraft(): Draft {
  return {
    rig: structuredClone(FIRST),
    camera: CAMERA,
    prompt: '',
    negative: '',
    structured: null,
    quality: 'standard',
    seed: null,
    listing: null,
  };
}

/** The request for the picture on the table. */
export function toRequest(draft: Draft): GenerationRequest {
  const request: GenerationRequest = { quality: draft.quality };
  // What the listing brings is not replaced by what is on the table.
  if (!brings(draft, 'lighting')) request.lighting = draft.rig;
  if (brings(draft, 'camera')) request.aspect_ratio = draft.camera.aspect_ratio;
  else request.camera = draft.camera;
  if (draft.listing) {
    request.listing_id = draft.listing.id;
    if (Object.keys(draft.listing.slots).length > 0) request.slots = draft.listing.slots;
    if (draft.prompt.trim() !== '') request.prompt = draft.prompt;
  } else if (draft.structured !== null) {
    request.structured_prompt = JSON.parse(draft.structured) as StructuredPrompt;
  } else {
    request.prompt = draft.prompt;
  }
  if (draft.negative.trim() !== '' && draft.quality === 'standard') {
    request.negative_prompt = draft.negative;
  }
  if (draft.seed !== null) request.seed = draft.seed;
  return request;
}

/** Whether the listing in use has a rig or a camera of its own. */
export function brings(draft: Draft, part: 'lighting' | 'camera'): boolean {
  const type = draft.listing?.type;
  return type === 'fibo_template' || type === `${part}_preset`;
}

/** The listing in use whose rig or camera replaces the one on the table, if one does. */
export function replacedBy(draft: Draft, part: 'lighting' | 'camera'): string | undefined {
  return brings(draft, part) ? draft.listing?.title : undefined;
}

/** Why the draft cannot be sent yet, if it cannot. */
export function lacking(draft: Draft): string | undefined {
  if (draft.rig.lights.length === 0 && !brings(draft, 'lighting')) return 'Add a light first.';
  if (draft.listing?.type === 'fibo_template') return undefined;
  if (draft.listing && draft.prompt.trim() === '') return 'Say what the picture shows.';
  if (!draft.listing && draft.structured !== null) {
    try {
      JSON.parse(draft.structured);
      return undefined;
    } catch {
      return 'The structured prompt is not valid JSON.';
    }
  }
  return draft.prompt.trim() === '' ? 'Describe the picture first.' : undefined;
}

/** Why no picture can be begun now, if none can: of the draft, or of what already runs. */
export function hindrance(draft: Draft, me: Me | undefined): string | undefined {
  const missing = lacking(draft);
  if (missing !== undefined || me === undefined) return missing;
  const { open, open_max } = me.generations;
  if (open < open_max) return undefined;
  return `${open} of ${open_max} are running: the next can begin when one of them ends.`;
}

/** The draft that made a picture, with its seed: change one thing and run it again. */
export function fromGeneration(draft: Draft, made: Generation): Draft {
  const input: Partial<NonNullable<Generation['input']>> = made.input ?? {};
  return {
    ...draft,
    rig: input.lighting ?? draft.rig,
    camera: { ...(input.camera ?? draft.camera), aspect_ratio: made.aspect_ratio },
    prompt: input.prompt ?? '',
    structured:
      !input.prompt && input.structured_prompt
        ? JSON.stringify(input.structured_prompt, null, 2)
        : null,
    negative: input.negative_prompt ?? '',
    quality: made.quality,
    seed: made.seed,
    listing: made.listing ? { id: made.listing.id, title: 'the same listing', slots: {} } : null,
  };
}

/** The set on the table as a preset of this name. */
export function toPreset(draft: Draft, name: string): PresetRequest {
  const preset: PresetRequest = { name, lighting: draft.rig, camera: draft.camera };
  if (draft.structured !== null) {
    preset.structured_prompt = JSON.parse(draft.structured) as StructuredPrompt;
  } else if (draft.prompt.trim() !== '') {
    preset.prompt = draft.prompt;
  }
  if (draft.negative.trim() !== '') preset.negative_prompt = draft.negative;
  return preset;
}

export function fromPreset(draft: Draft, preset: Preset): Draft {
  return {
    ...draft,
    rig: preset.lighting ?? draft.rig,
    camera: preset.camera ?? draft.camera,
    prompt: preset.prompt ?? draft.prompt,
    structured: preset.structured_prompt
      ? JSON.stringify(preset.structured_prompt, null, 2)
      : preset.prompt
        ? null
        : draft.structured,
    negative: preset.negative_prompt ?? draft.negative,
  };
}

/** What differs between two pictures' inputs, in words. */
export function differences(a: Generation, b: Generation): string[] {
  const found: string[] = [];
  const compare = (what: string, left: unknown, right: unknown) => {
    if (left !== right) found.push(`${what}: ${String(left ?? '–')} → ${String(right ?? '–')}`);
  };
  compare('seed', a.seed, b.seed);
  compare('quality', a.quality, b.quality);
  compare('frame', a.aspect_ratio, b.aspect_ratio);
  compare('prompt', a.input?.prompt, b.input?.prompt);
  const [left, right] = [a.input?.lighting, b.input?.lighting];
  if (left && right) {
    compare('lights', left.lights.length, right.lights.length);
    left.lights.forEach((light, nth) => {
      const other = right.lights[nth];
      if (!other) return;
      for (const key of Object.keys(light) as (keyof typeof light)[]) {
        compare(`${light.role} ${key === 'colour' ? 'kelvin' : key}`, light[key], other[key]);
      }
    });
    compare('backdrop', left.backdrop.colour, right.backdrop.colour);
    compare('backdrop distance', left.backdrop.distance, right.backdrop.distance);
    compare('backdrop falloff', left.backdrop.falloff, right.backdrop.falloff);
  }
  const [lens, other] = [a.input?.camera, b.input?.camera];
  if (lens && other) {
    compare('focal length', lens.focal_length_mm, other.focal_length_mm);
    compare('aperture', lens.aperture, other.aperture);
    compare('camera height', lens.height_m, other.height_m);
    compare('camera angle', lens.angle_degrees, other.angle_degrees);
  }
  return found;
}
