import '@fontsource-variable/ibm-plex-sans/wght.css';
import './mantine.css';
import './styles.css';
import { MantineProvider } from '@mantine/core';
import { isProblem } from '@prolight/client';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Api } from './api.ts';
import { loadConfig } from './config.ts';
import { ServicesProvider } from './context.tsx';
import { makeRouter } from './router.tsx';
import { SignIn } from './session.ts';
import { adoptTheme, theme } from './theme.ts';
import { Toasts } from './ui/Toasts.tsx';
import { Unconfigured } from './ui/Unconfigured.tsx';

const queries = new QueryClient({
  defaultOptions: {
    // What is sent without a connection fails and says so; it is not sent later, unasked.
    mutations: { networkMode: 'always' },
    queries: {
      networkMode: 'always',
      // The transport repeats what is worth it.
      retry: false,
      staleTime: 10_000,
      throwOnError: false,
      refetchOnWindowFocus: (query): boolean => !isProblem(query.state.error),
    },
  },
});

async function start(root: HTMLElement): Promise<void> {
  adoptTheme();
  let services: { api: Api; session: SignIn } | undefined;
  let failure: unknown;
  try {
    const config = await loadConfig();
    const session = new SignIn(config);
    session.load();
    services = { api: new Api(config, session), session };
    // Another person's answers are never shown.
    let subject = session.user?.profile.sub;
    session.subscribe(user => {
      if (user && user.profile.sub !== subject) queries.clear();
      if (user) subject = user.profile.sub;
    });
  } catch (error) {
    failure = error;
  }
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        defaultColorScheme="auto"
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <QueryClientProvider client={queries}>
          <Toasts />
          {services ? (
            <ServicesProvider {...services}>
              <RouterProvider router={makeRouter()} />
            </ServicesProvider>
          ) : (
            <Unconfigured reason={failure} />
          )}
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}

const root = document.getElementById('root');
if (root) void start(root);
