import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, measured, test } from './support.ts';

const BUILT = join(import.meta.dirname, '../dist');
const BYTES_MAX = 250_000;

test('the first page is small and soon there', async ({ page }) => {
  // The moment at which the first light can be moved.
  await page.addInitScript(() => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector('[role=slider][aria-label="Key light"]')) return;
      performance.mark('usable');
      observer.disconnect();
    });
    observer.observe(document, { childList: true, subtree: true });
  });
  await page.goto('/studio');
  await expect(page.getByRole('slider', { name: 'Key light' })).toBeVisible();
  const first = await page.evaluate(() => ({
    files: performance
      .getEntriesByType('resource')
      .map(entry => new URL(entry.name).pathname)
      .filter(path => /\.(js|css)$/.test(path)),
    painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
    usable: performance.getEntriesByName('usable')[0]?.startTime ?? 0,
  }));
  const bytes = [...new Set(first.files)]
    .map(path => gzipSync(readFileSync(join(BUILT, path))).length)
    .reduce((sum, length) => sum + length, 0);
  measured(
    `first page: ${bytes} bytes in ${first.files.length} files, painted after ` +
      `${Math.round(first.painted)} ms, usable after ${Math.round(first.usable)} ms`,
  );
  expect(first.files.length).toBeGreaterThan(3);
  expect(first.usable).toBeGreaterThan(0);
  expect(bytes, 'gzipped bytes of scripts and styles').toBeLessThan(BYTES_MAX);
});
