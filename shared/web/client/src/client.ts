import openapi, { type Client as Typed } from 'openapi-fetch';
import type { paths } from './schema.ts';
import { type Options, readJson, Transport } from './transport.ts';
import type { Generation } from './types.ts';
import { type WaitOptions, waitFor } from './wait.ts';

/** An operation whose headers are optional: the transport names every action by a key of its own. */
type Keyed<Operation> = Operation extends { parameters: infer Parameters }
  ? Omit<Operation, 'parameters'> & {
      parameters: Omit<Parameters, 'header'> & {
        header?: Parameters extends { header?: infer Headers } ? Partial<Headers> : never;
      };
    }
  : Operation;
type Operations = { [P in keyof paths]: { [M in keyof paths[P]]: Keyed<paths[P][M]> } };

/** Every operation of the document, typed, over the transport. A refusal is thrown as a problem. */
export interface Client {
  api: Typed<Operations>;
  transport: Transport;
  /**
   * Asks for a generation until it has ended, however it ended. Throws a `TypeError` for what is no
   * id of a generation, and a problem `still_open` after `limitMs`.
   */
  wait(id: string, options?: Waiting): Promise<Generation>;
}

export type Waiting = Pick<WaitOptions<Generation>, 'onProgress' | 'signal' | 'limitMs'>;

const GENERATION_ID = /^gen_[0-9A-Z]{26}$/;
/** The longest that the service holds one request until the generation ends. */
const LONG_POLL_MAX_S = 20;
/** What a held answer needs besides: an attempt must not end before it arrives. */
const LONG_POLL_MARGIN_S = 5;

export function createClient(options: Options): Client {
  const transport = new Transport(options);
  const api = openapi<Operations>({
    baseUrl: options.baseUrl.replace(/\/$/, ''),
    fetch: request => transport.fetch(request),
  });
  api.use({
    onRequest({ request, options: { parseAs } }) {
      if (parseAs !== 'json' || request.headers.has('Accept')) return;
      request.headers.set('Accept', 'application/json');
    },
    async onResponse({ response, options: { parseAs } }) {
      if (parseAs === 'json') await readJson(response.clone());
    },
  });
  return { api, transport, wait: (id, waiting) => waitForGeneration(transport, id, waiting) };
}

async function waitForGeneration(
  transport: Transport,
  id: string,
  waiting: Waiting = {},
): Promise<Generation> {
  if (!GENERATION_ID.test(id)) throw new TypeError(`this is no id of a generation: ${id}`);
  const attemptS = Math.floor(transport.timeoutMs / 1000) - LONG_POLL_MARGIN_S;
  const query = { wait: Math.max(0, Math.min(LONG_POLL_MAX_S, attemptS)) };
  return waitFor<Generation>({
    ...waiting,
    read: signal => transport.send('GET', `/api/v1/generations/${id}`, { query, signal }),
    isFinal: hasEnded,
  });
}

/** `finished_at` also ends a generation whose status is newer than this client. */
function hasEnded(it: Generation): boolean {
  return ['succeeded', 'failed', 'cancelled'].includes(it.status) || Boolean(it.finished_at);
}
