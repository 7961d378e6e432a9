import type { ApiConfig } from '@prolight/client';

/** Where the API is, and what it says before anybody signs in. Nothing of it is compiled in. */
export interface Config extends ApiConfig {
  api_url: string;
}

let current: Config | undefined;

/** The configuration, once it is loaded; every area is loaded after it. */
export function currentConfig(): Config | undefined {
  return current;
}

/** Reads `/config.json` beside the console, and then what the API itself says. */
export async function loadConfig(): Promise<Config> {
  const beside = (await readJson('/config.json')) as Partial<Pick<Config, 'api_url'>>;
  const api_url = (beside.api_url ?? '').replace(/\/$/, '');
  if (api_url === '') throw new Error('/config.json names no api_url');
  const told = (await readJson(`${api_url}/api/v1/config`)) as ApiConfig;
  current = { ...told, api_url };
  return current;
}

async function readJson(url: string): Promise<unknown> {
  const answer = await fetch(url, { headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer.json();
}
