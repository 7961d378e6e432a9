import type { DemoSubject, Money } from '@prolight/client';

const ZERO_DECIMALS = new Set(
  'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '),
);

/** Digits after the point of an amount in a currency. */
export function decimals(currency: string): 0 | 2 {
  return ZERO_DECIMALS.has(currency) ? 0 : 2;
}

/** An amount in the reader's locale. */
export function money(value: Money): string {
  const digits = decimals(value.currency);
  return new Intl.NumberFormat(undefined, {
    style: 'currency',
    currency: value.currency.toUpperCase(),
    minimumFractionDigits: value.amount % 100 === 0 && digits === 2 ? 0 : digits,
  }).format(value.amount / 10 ** digits);
}

/** The price of something that may be free. */
export function price(value: Money): string {
  return value.amount === 0 ? 'Free' : money(value);
}

/** Cents of a currency, without fractions: for numbers that are read at a glance. */
export function wholeMoney(cents: number, currency: string): string {
  return new Intl.NumberFormat(undefined, {
    style: 'currency',
    currency: currency.toUpperCase(),
    currencyDisplay: 'narrowSymbol',
    maximumFractionDigits: 0,
  }).format(cents / 100);
}

export function percent(basisPoints: number | null | undefined): string {
  if (basisPoints === null || basisPoints === undefined) return '–';
  return new Intl.NumberFormat(undefined, {
    style: 'percent',
    maximumFractionDigits: 1,
  }).format(basisPoints / 10_000);
}

export function count(value: number): string {
  return new Intl.NumberFormat().format(value);
}

/** A number with one digit after the point. */
export function decimal(value: number): string {
  return new Intl.NumberFormat(undefined, {
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  }).format(value);
}

/** A date in the reader's locale. Days without a time are days of the calendar, not moments. */
export function date(text: string): string {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text);
  return new Date(text).toLocaleDateString(undefined, {
    dateStyle: 'medium',
    ...(day ? { timeZone: 'UTC' } : {}),
  });
}

/** A month such as `2026-11` in the reader's locale. */
export function monthOf(text: string): string {
  return new Date(`${text}-01`).toLocaleDateString(undefined, {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });
}

export function dateTime(text: string): string {
  return new Date(text).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** How long ago, or in how long. */
export function ago(text: string, now = Date.now()): string {
  const seconds = (new Date(text).getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), unit);
  }
  return format.format(Math.round(seconds), 'second');
}

export function When({ at }: { at: string }) {
  return (
    <time dateTime={at} title={dateTime(at)}>
      {ago(at)}
    </time>
  );
}

export function bytes(size: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
  const power = Math.min(Math.floor(Math.log10(Math.max(size, 1)) / 3), 3);
  return new Intl.NumberFormat(undefined, {
    style: 'unit',
    unit: units[power] ?? 'byte',
    unitDisplay: 'short',
    maximumFractionDigits: 1,
  }).format(size / 1000 ** power);
}

/** `lighting_preset` as words. */
export function words(code: string): string {
  return code.replaceAll('_', ' ');
}

export function Words(code: string): string {
  return sentence(words(code));
}

/** Text as a sentence begins. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const TYPE_NAMES: Record<string, string> = {
  lighting_preset: 'Lighting rig',
  camera_preset: 'Camera',
  fibo_template: 'Prompt template',
  model_finetune: 'Tailored model',
};

export const SUBJECT_NAMES: Record<DemoSubject, string> = {
  bust: 'Bust',
  product: 'Bottle',
  sphere: 'Ball',
};
export const SUBJECTS = Object.keys(SUBJECT_NAMES) as DemoSubject[];
