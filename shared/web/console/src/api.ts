import {
  type Answer,
  type AnswerOf,
  type Ask,
  type BodyOf,
  type Exact,
  type PathOf,
  type Query,
  Transport,
} from '@prolight/client';
import type { Config } from './config.ts';
import type { SignIn } from './session.ts';

/** The only place of the console that talks to the API. Paths, bodies and answers are the document's. */
export class Api {
  readonly transport: Transport;
  readonly config: Config;

  constructor(config: Config, session: SignIn) {
    this.config = config;
    this.transport = new Transport({ baseUrl: config.api_url, session });
  }

  async get<P extends PathOf<'get'>>(
    path: Exact<'get', P>,
    query?: Query,
    signal?: AbortSignal,
  ): Promise<AnswerOf<'get', P>> {
    return (await this.transport.send<AnswerOf<'get', P>>('GET', path, { query, signal })).data;
  }
  /** As `get`, with what the headers say. */
  read<P extends PathOf<'get'>>(
    path: Exact<'get', P>,
    signal?: AbortSignal,
  ): Promise<Answer<AnswerOf<'get', P>>> {
    return this.transport.send('GET', path, { signal });
  }
  async post<P extends PathOf<'post'>>(
    path: Exact<'post', P>,
    body?: BodyOf<'post', P>,
    ask: Ask = {},
  ): Promise<AnswerOf<'post', P>> {
    const sent = { ...ask, body: body ?? {} };
    return (await this.transport.send<AnswerOf<'post', P>>('POST', path, sent)).data;
  }
  async put<P extends PathOf<'put'>>(
    path: Exact<'put', P>,
    body: BodyOf<'put', P>,
    ask: Ask = {},
  ): Promise<AnswerOf<'put', P>> {
    return (await this.transport.send<AnswerOf<'put', P>>('PUT', path, { ...ask, body })).data;
  }
  async patch<P extends PathOf<'patch'>>(
    path: Exact<'patch', P>,
    body: BodyOf<'patch', P>,
    ask: Ask = {},
  ): Promise<AnswerOf<'patch', P>> {
    return (await this.transport.send<AnswerOf<'patch', P>>('PATCH', path, { ...ask, body })).data;
  }
  async delete<P extends PathOf<'delete'>>(
    path: Exact<'delete', P>,
  ): Promise<AnswerOf<'delete', P>> {
    return (await this.transport.send<AnswerOf<'delete', P>>('DELETE', path)).data;
  }
  /** The address of a file at a link of the API. */
  async file(link: string): Promise<string> {
    return (await this.transport.send<{ url: string }>('GET', link)).data.url;
  }
}
