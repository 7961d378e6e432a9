import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { Plan } from './Plan.tsx';
import { FIRST } from './rig.ts';

afterEach(cleanup);

function plan() {
  const told = { onSelect: vi.fn(), onMove: vi.fn(), onRemove: vi.fn() };
  render(<Plan rig={FIRST} focalLength={85} selected={0} {...told} />);
  return told;
}

it('every light is a slider that says where it stands', () => {
  plan();
  const names = screen.getAllByRole('slider').map(it => it.getAttribute('aria-label'));
  expect(names).toEqual(['Key light', 'Fill light', 'Rim light', 'Background light']);
  const key = screen.getByRole('slider', { name: 'Key light' });
  expect(key.getAttribute('aria-valuetext')).toBe('45° left, 1.6 m, 35° up, 0.0 stops');
});

it.each([
  ['ArrowLeft', false, { azimuth: -46 }],
  ['ArrowRight', true, { azimuth: -35 }],
  ['ArrowUp', false, { distance: 1.7 }],
  ['ArrowDown', true, { distance: 0.6 }],
  ['PageUp', false, { elevation: 40 }],
  ['+', false, { intensity: 0.1 }],
])('%s (shift: %s) changes the focused light', (key, shiftKey, change) => {
  const { onMove, onSelect } = plan();
  const light = screen.getByRole('slider', { name: 'Key light' });
  fireEvent.focus(light);
  expect(onSelect).toHaveBeenCalledWith(0);
  fireEvent.keyDown(light, { key, shiftKey });
  expect(onMove).toHaveBeenCalledWith(0, change);
});

it('other keys are left to the browser, and Delete removes', () => {
  const { onMove, onRemove } = plan();
  const light = screen.getByRole('slider', { name: 'Rim light' });
  expect(fireEvent.keyDown(light, { key: 'Tab' })).toBe(true);
  expect(onMove).not.toHaveBeenCalled();
  fireEvent.keyDown(light, { key: 'Delete' });
  expect(onRemove).toHaveBeenCalledWith(2);
});
