import { describe, expectTypeOf, it } from 'vitest';
import type { CameraSettings, Generation, GenerationRequest, LightingRig } from './index.ts';
import type { BodyOf } from './paths.ts';

describe('a field with a default', () => {
  it('may be left out of a body', () => {
    expectTypeOf<{
      lighting: { lights: [{ role: 'key' }] };
      camera: { aperture: number };
    }>().toExtend<GenerationRequest>();
    type Change = BodyOf<'patch', `/api/v1/marketplace/listings/${string}`>;
    expectTypeOf<{ demo: { stops_max: number } }>().toExtend<Change>();
  });

  it('is in every answer', () => {
    expectTypeOf<CameraSettings['aperture']>().toEqualTypeOf<number>();
    expectTypeOf<LightingRig['backdrop']['distance']>().toEqualTypeOf<number>();
    expectTypeOf<Generation['id']>().toEqualTypeOf<string>();
  });
});
