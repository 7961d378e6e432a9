import type { Me } from '@prolight/client';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useSyncExternalStore } from 'react';
import type { Api } from './api.ts';
import type { SignIn } from './session.ts';

interface Services {
  api: Api;
  session: SignIn;
}
const Context = createContext<Services | null>(null);

export function ServicesProvider({ children, ...services }: Services & { children: ReactNode }) {
  return <Context value={services}>{children}</Context>;
}

export function useServices(): Services {
  const services = useContext(Context);
  if (!services) throw new Error('outside of ServicesProvider');
  return services;
}

export function useApi(): Api {
  return useServices().api;
}

/** Whether somebody is signed in, in this tab's view. */
export function useSignedIn(): boolean {
  const { session } = useServices();
  const subscribe = (change: () => void) => session.subscribe(change);
  return useSyncExternalStore(subscribe, () => session.user !== null);
}

export const ME = ['me'] as const;

/** The member's account; undefined for a visitor, also for one who was a member before. */
export function useMe() {
  const api = useApi();
  const signedIn = useSignedIn();
  const query = useQuery({
    queryKey: ME,
    queryFn: ({ signal }) => api.get('/api/v1/me', undefined, signal),
    enabled: signedIn,
    staleTime: 30_000,
  });
  return signedIn ? query : { ...query, data: undefined };
}

/** The suspension that is in effect, with its reason; one with an end is over by the clock. */
export function suspension(me: Me | undefined) {
  const now = me?.suspension;
  return now?.until && new Date(now.until) <= new Date() ? undefined : (now ?? undefined);
}

/** Reads the balance again after something that changes it. */
export function useRefreshMe(): () => void {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: ME });
    void client.invalidateQueries({ queryKey: ['billing'] });
  };
}
