import { MantineProvider } from '@mantine/core';
import type { ListingType, Me } from '@prolight/client';
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import { type Draft, emptyDraft, hindrance, replacedBy } from './draft.ts';
import { CameraPanel } from './Inspector.tsx';
import { Replaced } from './Replaced.tsx';
import { CAMERA } from './rig.ts';

afterEach(cleanup);

const draft = (type?: ListingType): Draft => ({
  ...emptyDraft(),
  prompt: 'a bottle',
  listing: type ? { id: 'lst_1', title: 'Edge-lit', slots: {}, type } : null,
});
const member = (open: number, open_max: number) => ({ generations: { open, open_max } }) as Me;

describe('a picture can be begun', () => {
  it.each([
    ['while fewer run than may', member(1, 2), undefined],
    ['not at the limit', member(2, 2), '2 of 2 are running'],
    ['before anybody is known', undefined, undefined],
  ])('%s', (_, me, said) => {
    const hindered = hindrance(draft(), me);
    if (said === undefined) expect(hindered).toBeUndefined();
    else expect(hindered).toContain(said);
  });

  it('not without what it shows, which is said first', () => {
    expect(hindrance(emptyDraft(), member(2, 2))).toContain('Describe');
  });
});

describe('what a listing replaces', () => {
  it.each<[ListingType | undefined, boolean, boolean]>([
    [undefined, false, false],
    ['lighting_preset', true, false],
    ['camera_preset', false, true],
    ['fibo_template', true, true],
    ['model_finetune', false, false],
  ])('%s', (type, rig, camera) => {
    expect(replacedBy(draft(type), 'lighting')).toBe(rig ? 'Edge-lit' : undefined);
    expect(replacedBy(draft(type), 'camera')).toBe(camera ? 'Edge-lit' : undefined);
  });

  it('is seen, cannot be changed, and says why', () => {
    const { rerender } = render(<Replaced by="Edge-lit">the plan</Replaced>);
    expect(screen.getByText('the plan').hasAttribute('inert')).toBe(true);
    expect(screen.getByRole('note').textContent).toContain('Replaced by “Edge-lit”');
    rerender(<Replaced by={undefined}>the plan</Replaced>);
    expect(screen.getByText('the plan').hasAttribute('inert')).toBe(false);
    expect(screen.queryByRole('note')).toBeNull();
  });

  it('is not the shape of the frame', () => {
    render(
      <MantineProvider env="test">
        <CameraPanel camera={CAMERA} replacedBy="Lens" onChange={() => undefined} />
      </MantineProvider>,
    );
    const isInert = (element: Element | null | undefined) => element?.closest('[inert]') !== null;
    expect(isInert(screen.getByLabelText('Aperture, f/', { selector: 'input' }))).toBe(true);
    expect(isInert(screen.getByLabelText('16:9'))).toBe(false);
  });
});
