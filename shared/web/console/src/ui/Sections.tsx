import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';

export interface Section {
  value: string;
  name: string;
  content: () => ReactNode;
}

/** The parts of an area; the address says which one is open. */
export function Sections({
  label,
  sections,
  open,
  onOpen,
}: {
  label: string;
  sections: Section[];
  open: string | undefined;
  onOpen: (value: string) => void;
}) {
  const shown = sections.find(it => it.value === open) ?? sections[0];
  if (!shown) return null;
  return (
    <Tabs value={shown.value} onChange={value => value && onOpen(value)} keepMounted={false}>
      <div className="tab-scroll">
        <Tabs.List mb="md" aria-label={label}>
          {sections.map(it => (
            <Tabs.Tab key={it.value} value={it.value}>
              {it.name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </div>
      {sections.map(it => (
        <Tabs.Panel key={it.value} value={it.value} className="stack-lg">
          {it.content()}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
