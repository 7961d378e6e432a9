import openapi, { type Client as Typed } from 'openapi-fetch';
import type { paths } from './schema.ts';
import { type Options, Transport } from './transport.ts';
import type { Generation } from './types.ts';
import { waitFor } from './wait.ts';

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
  /** Asks for a generation until it has ended, as often as the service says. */
  wait(id: string, options?: Waiting): Promise<Generation>;
}

export interface Waiting {
  onProgress?: (it: Generation) => void;
  signal?: AbortSignal;
}

export function createClient(options: Options): Client {
  const transport = new Transport(options);
  const api = openapi<Operations>({
    baseUrl: options.baseUrl.replace(/\/$/, ''),
    fetch: request => transport.fetch(request),
  });
  return {
    api,
    transport,
    wait: (id, waiting = {}) =>
      waitFor<Generation>({
        ...waiting,
        read: signal => transport.send('GET', `/api/v1/generations/${id}`, { signal }),
        isFinal: it => ['succeeded', 'failed', 'cancelled'].includes(it.status),
      }),
  };
}
