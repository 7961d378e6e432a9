import type { Generation } from '@prolight/client';
import { afterEach, expect, it, vi } from 'vitest';
import { called, download } from './generations.ts';

const MADE = { id: 'gen_1', image: { url: 'https://files.example/gen_1.png' } } as Generation;

/** The links that are pressed by the page. */
function pressed(): { href: string; download: string }[] {
  const links: { href: string; download: string }[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (
    this: HTMLAnchorElement,
  ) {
    links.push({ href: this.href, download: this.download });
  });
  vi.spyOn(URL, 'createObjectURL').mockReturnValue('blob:picture');
  return links;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

it('a picture is saved under its name, and not from what its image element left', async () => {
  const links = pressed();
  const fetched = vi.fn(async () => new Response('picture'));
  vi.stubGlobal('fetch', fetched);
  await download(MADE);
  expect(fetched).toHaveBeenCalledWith(MADE.image?.url, { cache: 'reload' });
  expect(links).toEqual([{ href: 'blob:picture', download: 'prolight-gen_1.png' }]);
});

it('a picture that no script may read is opened instead', async () => {
  const links = pressed();
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  await download(MADE);
  expect(links).toEqual([{ href: MADE.image?.url, download: '' }]);
});

it.each([
  [' a bottle of ink ', 'a bottle of ink'],
  [`${'word '.repeat(11)}extraordinary`, `${'word '.repeat(11).trim()}…`],
  ['', 'Seed 7'],
  [undefined, 'Seed 7'],
])('a picture of %o is called “%s”', (prompt, name) =>
  expect(called({ prompt, seed: 7 } as Generation)).toBe(name),
);
