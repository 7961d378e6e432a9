import { expect, test } from 'vitest';
import { limitsInWords } from './listing.ts';

test('the limits of uploads are words', () => {
  const limits = { accept: ['image/png', '.zip'], bytes_max: 40_000_000, files_max: 8 };
  expect(limitsInWords(limits)).toMatch(/^PNG, \.zip, each up to 40.*, at most 8$/);
});
