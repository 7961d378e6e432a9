import { type Ask, type Page, type Query, Transport } from '@prolight/client';
import type { Config } from './config.ts';
import type { SignIn } from './session.ts';

/** The only place of the console that talks to the API. */
export class Api {
  readonly transport: Transport;
  readonly config: Config;

  constructor(config: Config, session: SignIn) {
    this.config = config;
    this.transport = new Transport({ baseUrl: config.api_url, session });
  }

  async get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return (await this.transport.send<T>('GET', path, { query, signal })).data;
  }
  page<T>(path: string, query: Query, signal?: AbortSignal): Promise<Page<T>> {
    return this.get<Page<T>>(path, query, signal);
  }
  async post<T>(path: string, body: unknown = {}, ask: Ask = {}): Promise<T> {
    return (await this.transport.send<T>('POST', path, { ...ask, body })).data;
  }
  async put<T>(path: string, body: unknown): Promise<T> {
    return (await this.transport.send<T>('PUT', path, { body })).data;
  }
  async patch<T>(path: string, body: unknown, headers?: Record<string, string>): Promise<T> {
    return (await this.transport.send<T>('PATCH', path, { body, headers })).data;
  }
  async delete<T>(path: string): Promise<T> {
    return (await this.transport.send<T>('DELETE', path)).data;
  }
}
