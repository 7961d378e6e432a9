import { describe, expect, it } from 'vitest';
import { differences, emptyDraft, lacking, toRequest } from './draft.ts';
import { look } from './look.ts';
import {
  FIRST,
  fit,
  fromPlan,
  kelvinColour,
  LIMITS,
  metres,
  names,
  place,
  radius,
  softness,
  stops,
  toPlan,
  usual,
  wrap,
} from './rig.ts';

describe('the plan', () => {
  it.each([
    ['in front', 0, 1, [0, 1]],
    ['camera right', 90, 1, [1, 0]],
    ['behind', 180, 1, [0, -1]],
    ['camera left', -90, 1, [-1, 0]],
  ])('has what is %s where a photographer looks for it', (_, azimuth, distance, [x, y]) => {
    const at = toPlan(azimuth, distance);
    expect(at.x / radius(1)).toBeCloseTo(x ?? 0);
    expect(at.y / radius(1)).toBeCloseTo(y ?? 0);
  });

  it('draws every doubling of the distance as the same step', () => {
    const step = radius(1) - radius(0.5);
    for (const m of [1, 2, 4]) expect(radius(2 * m) - radius(m)).toBeCloseTo(step);
    for (const m of [0.5, 1.7, 10]) expect(metres(radius(m))).toBeCloseTo(m);
  });

  it('gives back where a light was put, within the limits', () => {
    for (let azimuth = -179; azimuth <= 180; azimuth += 7) {
      for (const distance of [0.5, 1.6, 3.3, 10]) {
        expect(fromPlan(toPlan(azimuth, distance))).toEqual({ azimuth, distance });
      }
    }
    expect(fromPlan({ x: 0, y: 1 }).distance).toBe(LIMITS.distance[0]);
    expect(fromPlan({ x: 4000, y: 0 }).distance).toBe(LIMITS.distance[1]);
  });
});

describe('values', () => {
  it.each([
    [181, -179],
    [-181, 179],
    [360, 0],
    [-180, 180],
    [540, 180],
  ])('an azimuth of %d is %d', (turned, azimuth) => expect(wrap(turned)).toBe(azimuth));

  it.each([
    [0.14999, LIMITS.intensity, 0.1],
    [9, LIMITS.intensity, 4],
    [5623, LIMITS.colour, 5600],
    [0.0234, LIMITS.size, 0.02],
  ] as const)('%d is set to a step', (value, limits, set) => expect(fit(value, limits)).toBe(set));

  it('are read as a photographer says them', () => {
    expect(place({ ...usual('key') })).toBe('45° left, 1.6 m');
    expect(place({ ...usual('rim') })).toBe('130° behind right, 2.0 m');
    expect(place({ ...usual('hair') })).toBe('straight behind, 1.8 m');
    expect([stops(0.5), stops(-2), stops(0)]).toEqual(['+0.5', '−2.0', '0.0']);
    expect([softness(usual('key')), softness(usual('rim'))]).toEqual(['soft', 'moderately hard']);
    expect(names([usual('key'), usual('rim'), usual('rim')])).toEqual(['Key', 'Rim 1', 'Rim 2']);
  });

  it('a candle is redder than the sky', () => {
    const [candle, day, sky] = [kelvinColour(1900), kelvinColour(6600), kelvinColour(12_000)];
    expect(candle[2]).toBeLessThan(40);
    expect(Math.min(...day)).toBeGreaterThan(245);
    expect(sky[0]).toBeLessThan(sky[2]);
  });
});

describe('the first look', () => {
  const side = 40;
  const brightness = (pixels: Uint8ClampedArray, x: number, y: number) => {
    const at = 4 * (Math.round(y * side) * side + Math.round(x * side));
    return (pixels[at] ?? 0) + (pixels[at + 1] ?? 0) + (pixels[at + 2] ?? 0);
  };
  const rig = (azimuth: number, intensity = 0) => ({
    lights: [{ ...usual('key'), azimuth, intensity }],
    backdrop: { colour: 'grey', distance: 1.8, falloff: 1 },
  });

  it('is bright on the side of the light, and brighter with more of it', () => {
    const left = look(rig(-70), side);
    expect(brightness(left, 0.3, 0.5)).toBeGreaterThan(2 * brightness(left, 0.7, 0.5));
    const right = look(rig(70), side);
    expect(brightness(right, 0.7, 0.5)).toBeGreaterThan(2 * brightness(right, 0.3, 0.5));
    expect(brightness(look(rig(-70, 1), side), 0.3, 0.5)).toBeGreaterThan(
      brightness(left, 0.3, 0.5),
    );
  });
});

describe('the request', () => {
  const draft = () => ({ ...emptyDraft(), prompt: 'a vase' });

  it('is what is on the table', () => {
    expect(toRequest(draft())).toMatchObject({ prompt: 'a vase', lighting: FIRST });
    expect(toRequest({ ...draft(), seed: 0 }).seed).toBe(0);
    expect(
      toRequest({ ...draft(), quality: 'lite', negative: 'x' }).negative_prompt,
    ).toBeUndefined();
    const structured = { ...draft(), structured: '{"context":"c"}' };
    expect(toRequest(structured)).toMatchObject({ structured_prompt: { context: 'c' } });
    expect(toRequest(structured).prompt).toBeUndefined();
  });

  it('leaves a bought listing what it brings', () => {
    const listing = { id: 'lst_1', title: '', slots: {} };
    const rig = toRequest({ ...draft(), listing: { ...listing, type: 'lighting_preset' } });
    expect(rig.lighting).toBeUndefined();
    expect(rig.camera).toBeDefined();
    const template = toRequest({ ...draft(), listing: { ...listing, type: 'fibo_template' } });
    expect([template.lighting, template.camera, template.aspect_ratio]).toEqual([
      undefined,
      undefined,
      '1:1',
    ]);
  });

  it('says what is missing', () => {
    expect(lacking(draft())).toBeUndefined();
    expect(lacking(emptyDraft())).toContain('Describe');
    expect(lacking({ ...draft(), structured: '{' })).toContain('JSON');
    expect(lacking({ ...draft(), rig: { ...draft().rig, lights: [] } })).toContain('light');
  });
});

it('two pictures differ in what was changed', () => {
  const made = (seed: number, azimuth: number) =>
    ({
      seed,
      quality: 'standard',
      aspect_ratio: '1:1',
      input: {
        prompt: 'a vase',
        lighting: {
          lights: [{ ...usual('key'), azimuth }],
          backdrop: { colour: 'grey', distance: 1.8, falloff: 1 },
        },
      },
    }) as unknown as Parameters<typeof differences>[0];
  expect(differences(made(1, -45), made(1, -45))).toEqual([]);
  expect(differences(made(1, -45), made(2, -60))).toEqual([
    'seed: 1 → 2',
    'key azimuth: -45 → -60',
  ]);
});
