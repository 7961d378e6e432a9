import { Select } from '@mantine/core';
import { Words } from '../../ui/format.tsx';

interface Option {
  value: string;
  label: string;
}

/** Narrows a list to one value; without one it shows any. Codes are shown as words. */
export function Filter({
  label,
  any = 'Any',
  beside,
  values,
  value,
  onChange,
}: {
  label: string;
  any?: string;
  /** Beside a heading it is small, and its label is only read out. */
  beside?: true;
  values: (string | Option)[];
  value: string | null;
  onChange: (value: string | null) => void;
}) {
  return (
    <Select
      {...(beside ? { 'aria-label': label, size: 'xs' } : { label })}
      clearable
      searchable={values.length > MANY}
      placeholder={any}
      data={values.map(it => (typeof it === 'string' ? { value: it, label: Words(it) } : it))}
      value={value}
      onChange={onChange}
    />
  );
}

/** More than this are found by typing. */
const MANY = 12;
