import type { CameraSettings, Light, LightingRig, LightRole } from '@prolight/client';
import { currentConfig } from '../../config.ts';
import { decimal } from '../../ui/format.tsx';

/** From, to, step. The API checks them again. */
export type Limits = readonly [number, number, number];

const told = currentConfig();
/** What the API allows; `usual` is for tests, which have no configuration. */
function limits(name: keyof NonNullable<typeof told>['limits'], usual: Limits): Limits {
  const range = told?.limits[name];
  return typeof range === 'object' ? [range.min, range.max, usual[2]] : usual;
}

export const LIMITS: Record<Exclude<keyof Light, 'role'>, Limits> = {
  azimuth: limits('azimuth', [-180, 180, 1]),
  elevation: limits('elevation', [-45, 90, 1]),
  distance: limits('distance', [0.5, 10, 0.1]),
  intensity: limits('intensity', [-8, 4, 0.1]),
  size: limits('size', [0.02, 4, 0.01]),
  colour: limits('colour', [1500, 15_000, 50]),
};
export const BACKDROP_LIMITS = {
  distance: limits('backdrop_distance', [0.5, 8, 0.1]),
  falloff: limits('backdrop_falloff', [0, 4, 0.1]),
};
export const CAMERA_LIMITS = {
  focal_length_mm: limits('focal_length', [14, 300, 1]),
  aperture: limits('aperture', [1, 32, 0.1]),
  height_m: limits('camera_height', [0, 4, 0.05]),
  angle_degrees: limits('camera_angle', [-45, 85, 1]),
};
export const LIGHTS_MAX = told?.limits.lights.max ?? 8;
export const ROLES: LightRole[] = ['key', 'fill', 'rim', 'hair', 'background'];
export const TONES = ['white', 'light_grey', 'grey', 'charcoal', 'black'] as const;
const TONE_COLOURS: Record<string, string> = {
  white: '#eeeeee',
  light_grey: '#bcbcbc',
  grey: '#7a7a7a',
  charcoal: '#424242',
  black: '#161616',
};

/** The usual light of a role. */
export function usual(role: LightRole): Light {
  const of: Record<LightRole, [number, number, number, number, number]> = {
    key: [-45, 35, 1.6, 0, 0.9],
    fill: [40, 15, 2.4, -2, 1.4],
    rim: [130, 15, 2, 0.5, 0.4],
    hair: [180, 65, 1.8, -0.5, 0.4],
    background: [180, 10, 1.4, -1.5, 0.5],
  };
  const [azimuth, elevation, distance, intensity, size] = of[role];
  return { role, azimuth, elevation, distance, intensity, size, colour: 5600 };
}

/** The rig that the studio begins with. */
export const FIRST: LightingRig = {
  lights: [usual('key'), usual('fill'), { ...usual('rim'), colour: 6500 }, usual('background')],
  backdrop: { colour: 'grey', distance: 1.8, falloff: 1 },
};

/** Rigs to begin with, by name. */
export const NAMED: [string, LightingRig][] = told?.rigs.map(rig => [rig.name, rig.lighting]) ?? [
  ['three_point', FIRST],
];

export const CAMERA: CameraSettings = {
  focal_length_mm: 85,
  aperture: 4,
  height_m: 1.5,
  angle_degrees: 0,
  aspect_ratio: '1:1',
};

/** Within the limits, on a step. */
export function fit(value: number, [from, to, step]: Limits): number {
  const onStep = Math.round(value / step) * step;
  const digits = (String(step).split('.')[1] ?? '').length;
  return Number(Math.min(to, Math.max(from, onStep)).toFixed(digits));
}

/** An azimuth within -180 and 180, whichever way round it was reached. */
export function wrap(azimuth: number): number {
  const turned = ((((azimuth + 180) % 360) + 360) % 360) - 180;
  return turned === -180 ? 180 : turned;
}

export interface Point {
  x: number;
  y: number;
}

/** Radius on the plan of the nearest light, and of one metre twice as far, in plan units. */
const NEAREST = 46;
const DOUBLING = 33;

/**
 * The plan, seen from above with the camera below: metres are drawn logarithmically, so that each
 * ring is twice the distance, which is two stops of falloff.
 */
export function radius(metres: number): number {
  return NEAREST + DOUBLING * Math.log2(metres / LIMITS.distance[0]);
}

export function metres(planRadius: number): number {
  return LIMITS.distance[0] * 2 ** ((planRadius - NEAREST) / DOUBLING);
}

/** Where something stands on the plan; the subject is at 0, 0, and y grows towards the camera. */
export function toPlan(azimuth: number, distance: number): Point {
  const angle = (azimuth * Math.PI) / 180;
  const r = radius(distance);
  return { x: r * Math.sin(angle), y: r * Math.cos(angle) };
}

/** The azimuth and distance of a place on the plan. */
export function fromPlan({ x, y }: Point): { azimuth: number; distance: number } {
  const azimuth = wrap(fit((Math.atan2(x, y) * 180) / Math.PI, LIMITS.azimuth));
  return { azimuth, distance: fit(metres(Math.hypot(x, y)), LIMITS.distance) };
}

/** A colour temperature as sRGB (Tanner Helland's fit of the Planckian locus). */
export function kelvinColour(kelvin: number): [number, number, number] {
  const t = kelvin / 100;
  const red = t <= 66 ? 255 : 329.7 * (t - 60) ** -0.1332;
  const green = t <= 66 ? 99.47 * Math.log(t) - 161.1 : 288.1 * (t - 60) ** -0.0755;
  const blue = t >= 66 ? 255 : t <= 19 ? 0 : 138.5 * Math.log(t - 10) - 305;
  const whole = (value: number) => Math.round(Math.min(255, Math.max(0, value)));
  return [whole(red), whole(green), whole(blue)];
}

export function css([r, g, b]: readonly [number, number, number]): string {
  return `rgb(${r} ${g} ${b})`;
}

/** A backdrop's colour as `#rrggbb`. */
export function backdropHex(colour: string): string {
  return TONE_COLOURS[colour] ?? (/^#[0-9a-f]{6}$/i.test(colour) ? colour : '#7a7a7a');
}

/** Where a light stands, in words. */
export function place(it: Light): string {
  const side = Math.abs(it.azimuth);
  const hand = it.azimuth < 0 ? 'left' : 'right';
  const around =
    side <= 5
      ? 'in front'
      : side >= 175
        ? 'straight behind'
        : `${side}° ${side > 115 ? 'behind ' : ''}${hand}`;
  return `${around}, ${decimal(it.distance)} m`;
}

/** Stops with a sign, as a meter shows them. */
export function stops(value: number): string {
  const text = decimal(Math.abs(value));
  return value > 0 ? `+${text}` : value < 0 ? `−${text}` : text;
}

/** Width over distance: what decides how soft the shadows are. */
export function softness(it: Light): string {
  const apparent = it.size / it.distance;
  if (apparent >= 0.7) return 'very soft';
  if (apparent >= 0.35) return 'soft';
  return apparent >= 0.12 ? 'moderately hard' : 'hard';
}

/** Names of lights, numbered where a role is there twice. */
export function names(lights: Light[]): string[] {
  return lights.map((it, nth) => {
    const same = lights.filter(other => other.role === it.role);
    const name = it.role.charAt(0).toUpperCase() + it.role.slice(1);
    if (same.length === 1) return name;
    return `${name} ${lights.slice(0, nth + 1).filter(other => other.role === it.role).length}`;
  });
}
