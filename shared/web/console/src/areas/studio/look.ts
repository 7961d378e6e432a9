import type { LightingRig } from '@prolight/client';
import { backdropHex, kelvinColour } from './rig.ts';

type Vector = [number, number, number];

interface Lit {
  direction: Vector;
  /** Linear red, green and blue at the subject. */
  power: Vector;
  /** How far light wraps around the edge: large and near sources do. */
  wrap: number;
  onBackdrop: boolean;
  azimuth: number;
  elevation: number;
}

const RADIUS = 0.62;
const CENTRE_Y = 0.02;
/** Reflectance of the grey ball. */
const GREY = 0.42;

/**
 * A first look at a rig: a grey ball before the backdrop, shaded in a few milliseconds. It is no
 * rendering, but it shows where the light falls while a light is dragged.
 */
export function look(rig: LightingRig, side: number): Uint8ClampedArray<ArrayBuffer> {
  const lights = rig.lights.map(toLit);
  const paper = linearHex(backdropHex(rig.backdrop.colour));
  const pixels = new Uint8ClampedArray(new ArrayBuffer(side * side * 4));
  for (let row = 0; row < side; row += 1) {
    const y = 1 - (2 * (row + 0.5)) / side;
    for (let column = 0; column < side; column += 1) {
      const x = (2 * (column + 0.5)) / side - 1;
      const at = 4 * (row * side + column);
      // The share of the pixel that the ball covers: a smooth edge.
      const cover = Math.min(
        1,
        Math.max(0, ((RADIUS - Math.hypot(x, y - CENTRE_Y)) * side) / 2 + 0.5),
      );
      const front: Vector = cover > 0 ? ball(x, y, lights) : [0, 0, 0];
      const back: Vector = cover < 1 ? wall(x, y, lights, paper, rig) : [0, 0, 0];
      for (let i = 0; i < 3; i += 1) {
        pixels[at + i] = encode((front[i] ?? 0) * cover + (back[i] ?? 0) * (1 - cover));
      }
      pixels[at + 3] = 255;
    }
  }
  return pixels;
}

function ball(x: number, y: number, lights: Lit[]): Vector {
  const nx = x / RADIUS;
  const ny = (y - CENTRE_Y) / RADIUS;
  const nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
  const sum: Vector = [0.004, 0.004, 0.004];
  for (const { direction, power, wrap, onBackdrop } of lights) {
    if (onBackdrop) continue;
    const facing = nx * direction[0] + ny * direction[1] + nz * direction[2];
    const diffuse = Math.max(0, (facing + wrap) / (1 + wrap));
    // Half vector towards the camera, which looks along -z.
    const hz = direction[2] + 1;
    const length = Math.hypot(direction[0], direction[1], hz) || 1;
    const half = Math.max(0, (nx * direction[0] + ny * direction[1] + nz * hz) / length);
    const gloss = facing > 0 ? 0.16 * (1 - wrap) * half ** (14 + 120 * (0.5 - wrap)) : 0;
    for (let i = 0; i < 3; i += 1)
      sum[i] = (sum[i] ?? 0) + (GREY * diffuse + gloss) * (power[i] ?? 0);
  }
  return sum;
}

function wall(x: number, y: number, lights: Lit[], paper: Vector, rig: LightingRig): Vector {
  const sum: Vector = [0.01, 0.01, 0.01];
  const spill = 0.28 / (1 + rig.backdrop.distance);
  for (const { direction, power, onBackdrop, azimuth, elevation } of lights) {
    let share = Math.max(0, direction[2]) * spill;
    if (onBackdrop) {
      const cx = Math.sin((azimuth * Math.PI) / 180) * 0.9;
      const cy = elevation / 90 - 0.1;
      share = Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 0.85);
    }
    for (let i = 0; i < 3; i += 1) sum[i] = (sum[i] ?? 0) + share * (power[i] ?? 0);
  }
  const edge = 2 ** (-rig.backdrop.falloff * Math.min(1, (x * x + y * y) / 1.6));
  return [sum[0] * paper[0] * edge, sum[1] * paper[1] * edge, sum[2] * paper[2] * edge];
}

function toLit(light: LightingRig['lights'][number]): Lit {
  const azimuth = (light.azimuth * Math.PI) / 180;
  const elevation = (light.elevation * Math.PI) / 180;
  const level = Math.cos(elevation);
  const daylight = kelvinColour(5600).map(linear);
  const colour = kelvinColour(light.colour).map((value, i) => linear(value) / (daylight[i] || 1));
  const brightness = 2 ** light.intensity;
  return {
    direction: [Math.sin(azimuth) * level, Math.sin(elevation), Math.cos(azimuth) * level],
    power: [
      (colour[0] ?? 1) * brightness,
      (colour[1] ?? 1) * brightness,
      (colour[2] ?? 1) * brightness,
    ],
    wrap: Math.min(0.5, (light.size / light.distance) * 0.45),
    onBackdrop: light.role === 'background',
    azimuth: light.azimuth,
    elevation: light.elevation,
  };
}

function linear(value: number): number {
  return (value / 255) ** 2.2;
}

function linearHex(hex: string): Vector {
  const part = (from: number) => linear(Number.parseInt(hex.slice(from, from + 2), 16));
  return [part(1), part(3), part(5)];
}

/** Filmic shoulder, then sRGB. */
function encode(value: number): number {
  const bright = value * 1.55;
  const shaped = (bright * (1 + bright / 6)) / (1 + bright * 0.72);
  return 255 * Math.min(1, shaped) ** (1 / 2.2);
}
