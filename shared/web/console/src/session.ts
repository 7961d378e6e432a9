import { localProblem, type Session } from '@prolight/client';
import type { UserManager } from 'oidc-client-ts';
import type { Config } from './config.ts';

/** A token this close to its end is renewed before it is used. */
const RENEW_BEFORE_S = 30;
/** One tab at a time renews: a refresh token works once, and its second use ends the session. */
const LOCK = 'prolight-renewal';

/** What this browser keeps about who is signed in. */
export interface User {
  access_token: string;
  refresh_token?: string;
  /** Unix time in seconds. */
  expires_at?: number;
  profile: { sub: string };
}

export type Listener = (user: User | null) => void;

/** Who is signed in, in every tab of this browser. */
export class SignIn implements Session {
  private readonly config: Config;
  private readonly key: string;
  private loading: Promise<UserManager> | undefined;
  private readonly listeners = new Set<Listener>();
  user: User | null = null;

  constructor(config: Config) {
    this.config = config;
    const { issuer, client_id } = config.sign_in;
    this.key = `prolight.user:${issuer}:${client_id}`;
    window.addEventListener('storage', event => {
      if (event.key === this.key || event.key === null) this.load();
    });
  }

  /** The library of the flow. The first page does without it: it is needed at a redirect. */
  private manager(): Promise<UserManager> {
    this.loading ??= import('oidc-client-ts').then(({ UserManager, WebStorageStateStore }) => {
      const { issuer, client_id, scopes, audience } = this.config.sign_in;
      return new UserManager({
        authority: issuer,
        client_id,
        redirect_uri: `${location.origin}/signed-in`,
        post_logout_redirect_uri: `${location.origin}/`,
        scope: scopes.join(' '),
        // Some issuers give a token for an API only if they are asked for it.
        ...(audience === null ? {} : { extraQueryParams: { audience } }),
        automaticSilentRenew: false,
        userStore: new WebStorageStateStore({ store: localStorage, prefix: 'prolight.' }),
        stateStore: new WebStorageStateStore({ store: localStorage, prefix: 'prolight.state.' }),
      });
    });
    return this.loading;
  }

  private stored(): User | null {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? 'null') as User | null;
    } catch {
      return null;
    }
  }

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  load(): User | null {
    return this.become(this.stored());
  }

  async begin(returnTo: string, hint?: string): Promise<void> {
    const manager = await this.manager();
    await manager.clearStaleState();
    await manager.signinRedirect({
      state: { returnTo },
      ...(hint === undefined ? {} : { login_hint: hint }),
    });
  }

  /** Ends the redirect back; says where the person was. */
  async complete(): Promise<string> {
    const user = await (await this.manager()).signinCallback();
    this.become(user ?? null);
    const state = user?.state as { returnTo?: unknown } | undefined;
    const to = typeof state?.returnTo === 'string' ? state.returnTo : '/';
    return to.startsWith('/') && !to.startsWith('//') ? to : '/';
  }

  async end(): Promise<void> {
    const manager = await this.manager();
    await manager.signoutRedirect();
    this.become(null);
  }

  async token(): Promise<string | undefined> {
    const user = this.stored();
    if (!user) return undefined;
    return expiresWithin(user, RENEW_BEFORE_S) ? this.renew(user.access_token) : user.access_token;
  }

  renew(refused: string): Promise<string | undefined> {
    return withLock(async () => {
      const stored = this.stored();
      if (stored && stored.access_token !== refused && !expiresWithin(stored, 0)) {
        this.become(stored);
        return stored.access_token;
      }
      if (!stored?.refresh_token) return this.lost();
      const manager = await this.manager();
      try {
        const renewed = await manager.signinSilent();
        this.become(renewed);
        return renewed?.access_token;
      } catch (error) {
        // The issuer refused: the session is over. Anything else is a failure that may pass.
        if (error instanceof Error && error.name === 'ErrorResponse') return this.lost();
        throw localProblem(
          'no_connection',
          'No connection',
          'The sign-in service cannot be reached.',
          { cause: error },
        );
      }
    });
  }

  private async lost(): Promise<undefined> {
    await (await this.manager()).removeUser();
    this.become(null);
    return undefined;
  }

  private become(user: User | null): User | null {
    const changed = this.user?.access_token !== user?.access_token;
    this.user = user;
    if (changed) for (const listener of this.listeners) listener(user);
    return user;
  }
}

function expiresWithin(user: User, seconds: number): boolean {
  return user.expires_at !== undefined && user.expires_at - Date.now() / 1000 < seconds;
}

async function withLock<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request(LOCK, work) : work();
}
