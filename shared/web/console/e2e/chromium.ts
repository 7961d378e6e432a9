import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** The system's Chromium, or the one that `npm run browser` unpacked. */
export function browserPath(): string {
  const named = process.env.PROLIGHT_CHROMIUM;
  if (named) return named;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) {
      const path = join(folder, name);
      if (folder !== '' && existsSync(path)) return path;
    }
  }
  const unpack = join(import.meta.dirname, '../../browser/unpack.mjs');
  if (existsSync(join(import.meta.dirname, '../../browser/node_modules'))) {
    return execFileSync(process.execPath, [unpack], { encoding: 'utf8' }).trim();
  }
  throw new Error(
    'no Chromium: install one (apt-get install chromium), name one with PROLIGHT_CHROMIUM, or run ' +
      '`npm ci` in shared/web/browser, which holds one for Linux on x86-64',
  );
}
