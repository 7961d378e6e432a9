import {
  type ApiConfig,
  type Category,
  type ListingChange,
  type ListingDraft,
  type ListingType,
  type OwnListing,
  Problem,
} from '@prolight/client';
import { currentConfig } from '../../config.ts';
import { bytes, money } from '../../ui/format.tsx';
import { CAMERA, FIRST } from '../studio/rig.ts';

export const STATE_COLOURS: Record<string, string> = {
  approved: 'green',
  preparing: 'tungsten',
  preparation_failed: 'red',
  pending: 'tungsten',
  rejected: 'red',
  delisted: 'red',
  draft: 'gray',
};

/** What hides a listing, in sentences. */
export const HIDDEN: Record<OwnListing['hidden_by'][number]['code'], string> = {
  not_submitted: 'Only you see it: it was not submitted yet.',
  preparing: 'Its pictures and files are being prepared for review.',
  preparation_failed: 'It could not be prepared for review:',
  in_review: 'A moderator looks at it.',
  rejected: 'A moderator rejected it:',
  retired: 'You took it off sale.',
  delisted: 'A moderator took it off sale:',
  creator_suspended: 'Your account is suspended.',
  selling_suspended: 'Strikes suspend your selling.',
};

type Terms = ApiConfig['listing_types'][number];

export const CATEGORIES: Category[] = currentConfig()?.categories ?? [];

/** What the API says of a type: its prices and its files. */
export function termsOf(type: ListingType): Terms | undefined {
  return currentConfig()?.listing_types.find(it => it.type === type);
}

/** Which files may be added, in words. */
export function limitsInWords({ accept, bytes_max, files_max }: Terms['previews']): string {
  const names = accept.map(it => (it.startsWith('.') ? it : it.replace(/.*\//, '').toUpperCase()));
  return `${names.join(', ')}, each up to ${bytes(bytes_max)}, at most ${files_max}`;
}

/** What a type may cost, in words. */
export function band(type: ListingType): string {
  const found = termsOf(type);
  return found
    ? `free, or ${money(found.price_min)} to ${money(found.price_max)}`
    : 'free, or more';
}

/** A refusal in the words of the form, where the API uses those of its requests. */
export function inWords(problem: Problem, type: ListingType): Problem {
  const { body, retryAfterS } = problem;
  const detail = problem.code === 'no_preview' ? 'Add at least one picture first.' : body.detail;
  const errors = problem.errors.map(it =>
    it.code === 'out_of_band' ? { ...it, detail: `Must be ${band(type)}.` } : it,
  );
  return new Problem({ ...body, detail, errors }, retryAfterS);
}

export const TYPES: { value: ListingType; name: string; what: string }[] = [
  {
    value: 'lighting_preset',
    name: 'Lighting rig',
    what: 'Lights and a backdrop. Buyers put their own subject into it.',
  },
  {
    value: 'camera_preset',
    name: 'Camera',
    what: 'A lens, an aperture and a position.',
  },
  {
    value: 'fibo_template',
    name: 'Prompt template',
    what: 'A structured prompt with places that buyers fill in.',
  },
  {
    value: 'model_finetune',
    name: 'Tailored model',
    what: 'A model of yours, used by name and never shown.',
  },
];

/** In cents, within each type's band. */
const USUAL_PRICES: Record<ListingType, number> = {
  camera_preset: 400,
  lighting_preset: 900,
  fibo_template: 1900,
  model_finetune: 14_900,
};

export function emptyListing(type: ListingType): ListingDraft {
  return {
    type,
    title: '',
    description: '',
    category: 'portrait',
    tags: [],
    price: { amount: USUAL_PRICES[type], currency: 'usd' },
    attribution: null,
    demo: {
      enabled: type === 'lighting_preset' || type === 'camera_preset',
      subjects: ['bust', 'sphere', 'product'],
      stops_max: 1,
      kelvin_max: 800,
      lens: type === 'lighting_preset',
    },
    content: emptyContent(type),
  };
}

function emptyContent(type: ListingType): ListingDraft['content'] {
  switch (type) {
    case 'lighting_preset':
      return { lighting: structuredClone(FIRST) };
    case 'camera_preset':
      return { camera: CAMERA };
    case 'fibo_template':
      return {
        structured_prompt: {
          short_description: 'A {{subject}} on a seamless grey backdrop.',
          background_setting: 'seamless grey studio backdrop',
          lighting: { conditions: 'soft, diffused key light', direction: 'front left' },
          aesthetics: { composition: 'centred', mood_atmosphere: 'calm' },
          context: 'studio photograph',
        },
        slots: [{ name: 'subject', label: 'What is in the picture', default: 'glass bottle' }],
      };
    case 'model_finetune':
      return { model_id: '' };
  }
}

/** Whether its newest version is with us: prepared, or looked at by a moderator. */
export function isInReview({ review }: OwnListing): boolean {
  return review.status === 'preparing' || review.status === 'pending';
}

/** The draft of a listing that exists. What is new is said anew of a version that follows one. */
export function draftOf(it: OwnListing): ListingChange {
  const { type, title, description, category, tags, price, attribution, demo, content } = it;
  const changes = it.review.status === 'published' ? null : it.changes;
  return { type, title, description, category, tags, price, attribution, demo, content, changes };
}
