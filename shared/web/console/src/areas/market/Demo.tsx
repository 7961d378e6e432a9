import { Select, Slider } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import type { DemoOverrides, DemoSubject, Listing } from '@prolight/client';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { SUBJECT_NAMES } from '../../ui/format.tsx';
import { ProblemText } from '../../ui/problem.tsx';
import classes from './Market.module.css';

/** The creator's own sliders, and a picture that follows them. */
export function Demo({ it }: { it: Listing }) {
  const api = useApi();
  const demo = it.demo;
  const [subject, setSubject] = useState(() => firstSubject(it));
  const [overrides, setOverrides] = useState<DemoOverrides>({
    stops: 0,
    kelvin: 0,
    focal_length_mm: null,
    aperture: null,
  });
  const [settled] = useDebouncedValue(JSON.stringify({ subject, overrides, size: 512 }), 150);
  const query = useQuery({
    queryKey: ['demo', it.id, it.version, settled],
    queryFn: ({ signal }) =>
      api.post(`/api/v1/marketplace/listings/${it.id}/preview`, JSON.parse(settled), { signal }),
    placeholderData: keepPreviousData,
    staleTime: 300_000,
  });
  if (!demo) return null;
  const set = (change: Partial<DemoOverrides>) => setOverrides({ ...overrides, ...change });
  return (
    <div className="stack">
      <figure className={classes.stage} aria-busy={query.isFetching}>
        {query.data && (
          <img
            src={query.data.image.url}
            width={query.data.image.width}
            height={query.data.image.height}
            alt={`${it.title} on a ${SUBJECT_NAMES[query.data.subject].toLowerCase()}`}
          />
        )}
        {query.error && <ProblemText error={query.error} />}
      </figure>
      <div className="columns">
        {demo.subjects.length > 1 && (
          <Select
            label="Subject"
            allowDeselect={false}
            data={demo.subjects.map(value => ({ value, label: SUBJECT_NAMES[value] }))}
            value={subject}
            onChange={value => setSubject(value as DemoSubject)}
          />
        )}
        {demo.stops_max > 0 && (
          <Slid
            label="All lights, stops"
            limits={[-demo.stops_max, demo.stops_max, 0.1]}
            value={overrides.stops ?? 0}
            onChange={stops => set({ stops })}
          />
        )}
        {demo.kelvin_max > 0 && (
          <Slid
            label="Warmer or colder, kelvin"
            limits={[-demo.kelvin_max, demo.kelvin_max, 50]}
            value={overrides.kelvin ?? 0}
            onChange={kelvin => set({ kelvin })}
          />
        )}
        {demo.lens && (
          <Slid
            label="Focal length, mm"
            limits={[24, 200, 1]}
            value={overrides.focal_length_mm ?? 85}
            onChange={focal_length_mm => set({ focal_length_mm })}
          />
        )}
      </div>
    </div>
  );
}

/** What a listing of a category is usually about. */
const SUBJECT_OF: Partial<Record<Listing['category'], DemoSubject>> = {
  portrait: 'bust',
  fashion: 'bust',
  product: 'product',
  food: 'product',
};

/** The subject that is lit at first: the listing's own, if its creator offers it. */
function firstSubject({ category, demo }: Listing): DemoSubject | undefined {
  return demo?.subjects.find(it => it === SUBJECT_OF[category]) ?? demo?.subjects[0];
}

function Slid(props: {
  label: string;
  limits: [number, number, number];
  value: number;
  onChange: (value: number) => void;
}) {
  const [min, max, step] = props.limits;
  return (
    <div>
      <div className="row between">
        <span>{props.label}</span>
        <span className="num quiet">{props.value}</span>
      </div>
      <Slider
        size={4}
        label={null}
        min={min}
        max={max}
        step={step}
        value={props.value}
        onChange={props.onChange}
        thumbLabel={props.label}
      />
    </div>
  );
}
