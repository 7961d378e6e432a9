import { Tabs } from '@mantine/core';
import { type ReactNode, useEffect, useRef } from 'react';

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
  const tabs = useRef<HTMLDivElement>(null);
  const value = shown?.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever another one is open.
  useEffect(() => {
    // On a narrow window the tab of the open part may be outside of what is seen of them.
    const reveal = () => {
      const tab = tabs.current?.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]');
      if (tab && tabs.current) tabs.current.scrollLeft = tab.offsetLeft - 24;
    };
    reveal();
    window.addEventListener('resize', reveal);
    return () => window.removeEventListener('resize', reveal);
  }, [value]);
  if (!shown) return null;
  return (
    <Tabs value={shown.value} onChange={value => value && onOpen(value)} keepMounted={false}>
      <div className="tab-scroll" ref={tabs}>
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
