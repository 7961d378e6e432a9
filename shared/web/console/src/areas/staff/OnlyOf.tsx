import { CloseButton, TextInput } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';

const LABELS = {
  creator: 'Creator’s id',
  buyer: 'Buyer’s id',
  listing: 'Listing’s id',
};
type Name = keyof typeof LABELS;

/** Narrows a list to one member or listing; the address keeps it, so that records can link to it. */
export function OnlyOf({ names }: { names: Name[] }) {
  return names.map(name => <One key={name} name={name} />);
}

function One({ name }: { name: Name }) {
  const search = useSearch({ from: '/staff' });
  const navigate = useNavigate();
  const [typed, setTyped] = useState(search[name] ?? '');
  const set = (value: string) => {
    setTyped(value);
    void navigate({
      to: '/staff',
      search: { ...search, [name]: value.trim() === '' ? undefined : value.trim() },
      replace: true,
    });
  };
  return (
    <TextInput
      label={LABELS[name]}
      placeholder="Any"
      spellCheck={false}
      value={typed}
      onChange={event => setTyped(event.currentTarget.value)}
      onBlur={() => typed !== (search[name] ?? '') && set(typed)}
      onKeyDown={event => event.key === 'Enter' && set(typed)}
      rightSection={
        typed !== '' && <CloseButton size="sm" aria-label={`Any ${name}`} onClick={() => set('')} />
      }
    />
  );
}
