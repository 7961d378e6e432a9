import type { Light, LightingRig } from '@prolight/client';
import { type KeyboardEvent, type PointerEvent, useRef } from 'react';
import classes from './Plan.module.css';
import {
  backdropHex,
  css,
  fit,
  fromPlan,
  kelvinColour,
  LIMITS,
  names,
  type Point,
  place,
  radius,
  stops,
  toPlan,
  wrap,
} from './rig.ts';

const HALF = 212;
const RINGS = [1, 2, 4, 8];

interface Props {
  rig: LightingRig;
  focalLength: number;
  selected: number;
  onSelect: (index: number) => void;
  onMove: (index: number, change: Partial<Light>) => void;
  onRemove: (index: number) => void;
}

/** The set from above, the camera below. Lights are dragged, or moved with the arrow keys. */
export function Plan({ rig, focalLength, selected, onSelect, onMove, onRemove }: Props) {
  const svg = useRef<SVGSVGElement>(null);
  const dragged = useRef<number | null>(null);

  function pointed(event: PointerEvent): { azimuth: number; distance: number } | null {
    const matrix = svg.current?.getScreenCTM();
    if (!matrix) return null;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    return fromPlan({ x: at.x, y: at.y });
  }
  function take(index: number, event: PointerEvent<SVGGElement>) {
    if (event.button !== 0) return;
    dragged.current = index;
    event.currentTarget.setPointerCapture(event.pointerId);
    onSelect(index);
  }
  function drag(index: number, event: PointerEvent) {
    if (dragged.current !== index) return;
    const to = pointed(event);
    if (to) onMove(index, to);
  }
  function keys(index: number, it: Light, event: KeyboardEvent) {
    const step = event.shiftKey ? 10 : 1;
    const change: Record<string, () => void> = {
      ArrowLeft: () => onMove(index, { azimuth: wrap(it.azimuth - step) }),
      ArrowRight: () => onMove(index, { azimuth: wrap(it.azimuth + step) }),
      ArrowUp: () => onMove(index, { distance: fit(it.distance + 0.1 * step, LIMITS.distance) }),
      ArrowDown: () => onMove(index, { distance: fit(it.distance - 0.1 * step, LIMITS.distance) }),
      '+': () => onMove(index, { intensity: fit(it.intensity + 0.1, LIMITS.intensity) }),
      '-': () => onMove(index, { intensity: fit(it.intensity - 0.1, LIMITS.intensity) }),
      PageUp: () => onMove(index, { elevation: fit(it.elevation + 5, LIMITS.elevation) }),
      PageDown: () => onMove(index, { elevation: fit(it.elevation - 5, LIMITS.elevation) }),
      Delete: () => onRemove(index),
    };
    const act = change[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  const called = names(rig.lights);
  return (
    <svg
      ref={svg}
      className={classes.plan}
      viewBox={`${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}`}
      role="group"
      aria-label="Plan of the set, seen from above. The camera is below, the backdrop above."
    >
      {RINGS.map(ring => (
        <g key={ring}>
          <circle className={classes.ring} r={radius(ring)} />
          <text className={classes.mark} x={radius(ring) + 3} y={-4}>
            {ring} m
          </text>
        </g>
      ))}
      <line className={classes.axis} x1={-HALF} x2={HALF} />
      <line className={classes.axis} y1={-HALF} y2={HALF} />
      <Sweep distance={rig.backdrop.distance} colour={backdropHex(rig.backdrop.colour)} />
      <Camera focalLength={focalLength} />
      {rig.lights.map((it, index) => (
        <Beam key={index} light={it} backdrop={rig.backdrop.distance} />
      ))}
      <g aria-hidden="true">
        <ellipse className={classes.shoulders} rx={21} ry={11} cy={2} />
        <circle className={classes.head} r={9.5} />
        <path className={classes.nose} d="M-3 9 0 14 3 9z" />
      </g>
      {rig.lights.map((it, index) => {
        const at = toPlan(it.azimuth, it.distance);
        return (
          <g
            key={index}
            className={classes.light}
            data-selected={index === selected || undefined}
            transform={`translate(${at.x} ${at.y})`}
            role="slider"
            tabIndex={0}
            aria-label={`${called[index]} light`}
            aria-roledescription="light on the plan"
            aria-valuemin={LIMITS.azimuth[0]}
            aria-valuemax={LIMITS.azimuth[1]}
            aria-valuenow={it.azimuth}
            aria-valuetext={`${place(it)}, ${it.elevation}° up, ${stops(it.intensity)} stops`}
            aria-keyshortcuts="ArrowLeft ArrowRight ArrowUp ArrowDown PageUp PageDown + - Delete"
            onPointerDown={event => take(index, event)}
            onPointerMove={event => drag(index, event)}
            onPointerUp={() => {
              dragged.current = null;
            }}
            onPointerCancel={() => {
              dragged.current = null;
            }}
            onFocus={() => onSelect(index)}
            onKeyDown={event => keys(index, it, event)}
          >
            <circle className={classes.grip} r={20} />
            <g transform={`rotate(${facing(it, rig.backdrop.distance)})`}>
              <Head light={it} />
            </g>
            <text className={classes.name} y={it.role === 'background' ? -22 : at.y > 0 ? 30 : -22}>
              {called[index]}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

/** The fixture from above: its width is its size, its colour its temperature. */
function Head({ light }: { light: Light }) {
  const width = 12 + 20 * Math.sqrt(light.size / LIMITS.size[1]) * 1.6;
  const colour = css(kelvinColour(light.colour));
  return (
    <g>
      <path
        className={classes.box}
        d={`M${-width / 2} -7H${width / 2}L${width / 5} 8H${-width / 5}z`}
      />
      <rect x={-width / 2} y={-9.5} width={width} height={4} rx={1} fill={colour} />
    </g>
  );
}

/** What a light is aimed at on the plan: the subject, or the backdrop beside its own place. */
function aim(light: Light, backdrop: number): Point {
  if (light.role !== 'background') return { x: 0, y: 0 };
  const from = toPlan(light.azimuth, light.distance);
  return { x: from.x * 0.4, y: -radius(backdrop) };
}

/** Degrees by which a fixture that faces up is turned to face its aim. */
function facing(light: Light, backdrop: number): number {
  const from = toPlan(light.azimuth, light.distance);
  const to = aim(light, backdrop);
  return (Math.atan2(to.x - from.x, from.y - to.y) * 180) / Math.PI;
}

/** From the fixture to what it lights, stronger where it is brighter. */
function Beam({ light, backdrop }: { light: Light; backdrop: number }) {
  const from = toPlan(light.azimuth, light.distance);
  const to = aim(light, backdrop);
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const across = { x: (-(to.y - from.y) / length) * 20, y: ((to.x - from.x) / length) * 20 };
  const strength = Math.min(0.5, 0.22 * 2 ** (light.intensity / 2));
  return (
    <polygon
      aria-hidden="true"
      points={`${from.x},${from.y} ${to.x + across.x},${to.y + across.y} ${to.x - across.x},${to.y - across.y}`}
      fill={css(kelvinColour(light.colour))}
      opacity={strength}
    />
  );
}

function Sweep({ distance, colour }: { distance: number; colour: string }) {
  const r = radius(distance);
  const angle = (52 * Math.PI) / 180;
  const x = r * Math.sin(angle);
  const y = -r * Math.cos(angle);
  return (
    <g aria-hidden="true">
      <path className={classes.sweepEdge} d={`M${-x} ${y}A${r} ${r} 0 0 1 ${x} ${y}`} />
      <path
        d={`M${-x} ${y}A${r} ${r} 0 0 1 ${x} ${y}`}
        fill="none"
        stroke={colour}
        strokeWidth={6}
        strokeLinecap="round"
      />
    </g>
  );
}

function Camera({ focalLength }: { focalLength: number }) {
  // The angle of view of a full frame.
  const half = Math.atan(18 / focalLength);
  const reach = 380;
  const x = Math.min(HALF, Math.tan(half) * reach);
  const y = HALF - 26;
  return (
    <g aria-hidden="true">
      <path className={classes.view} d={`M0 ${y}L${-x} ${y - reach}H${x}z`} />
      <g transform={`translate(0 ${y})`}>
        <rect className={classes.camera} x={-13} y={-2} width={26} height={17} rx={3} />
        <rect className={classes.camera} x={-6} y={-11} width={12} height={9} rx={1.5} />
      </g>
    </g>
  );
}
