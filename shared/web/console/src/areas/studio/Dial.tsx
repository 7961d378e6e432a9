import { Slider } from '@mantine/core';
import { useId, useState } from 'react';
import classes from './Dial.module.css';
import type { Limits } from './rig.ts';

interface Props {
  label: string;
  value: number;
  limits: Limits;
  unit?: string;
  /** Drawn along a logarithm: sizes and temperatures are judged by their ratios. */
  logarithmic?: boolean;
  onChange: (value: number) => void;
  hint?: string;
  track?: 'kelvin';
}

const STEPS = 200;

/** A value with a slider for the hand and a field for the exact number. */
export function Dial({ label, value, limits, unit, logarithmic, onChange, hint, track }: Props) {
  const id = useId();
  // What is typed may be on its way to a number within the limits.
  const [typed, setTyped] = useState<string>();
  const [from, to, step] = limits;
  const digits = (String(step).split('.')[1] ?? '').length;
  const there = (v: number) =>
    logarithmic ? (STEPS * Math.log(v / from)) / Math.log(to / from) : v;
  const back = (v: number) => {
    const real = logarithmic ? from * (to / from) ** (v / STEPS) : v;
    return Number((Math.round(real / step) * step).toFixed(digits));
  };
  return (
    <div className={classes.dial} data-track={track}>
      <label className={classes.label} htmlFor={id}>
        {label}
        {hint && <span className="quiet"> {hint}</span>}
      </label>
      <span className={classes.field}>
        <input
          id={id}
          type="number"
          inputMode="decimal"
          min={from}
          max={to}
          step={step}
          value={typed ?? value}
          onBlur={() => setTyped(undefined)}
          onChange={event => {
            const { value: text, valueAsNumber } = event.currentTarget;
            setTyped(text);
            if (valueAsNumber >= from && valueAsNumber <= to) onChange(valueAsNumber);
          }}
        />
        {unit && <span aria-hidden="true">{unit}</span>}
      </span>
      <Slider
        className={classes.slider}
        size={4}
        thumbSize={16}
        label={null}
        thumbLabel={label}
        thumbProps={{ 'aria-valuetext': `${value}${unit ? ` ${unit}` : ''}` }}
        min={logarithmic ? 0 : from}
        max={logarithmic ? STEPS : to}
        step={logarithmic ? 1 : step}
        value={there(value)}
        onChange={next => onChange(back(next))}
      />
    </div>
  );
}
