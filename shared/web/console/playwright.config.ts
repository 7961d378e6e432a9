import { defineConfig } from '@playwright/test';
import { browserPath } from './e2e/chromium.ts';

export default defineConfig({
  testDir: 'e2e',
  testMatch: '*.spec.ts',
  outputDir: '../../../.local/console-tests',
  reporter: [['list']],
  timeout: 90_000,
  expect: { timeout: 20_000 },
  workers: 1,
  forbidOnly: true,
  use: {
    baseURL: process.env.PROLIGHT_CONSOLE_URL ?? 'http://127.0.0.1:4571',
    colorScheme: 'dark',
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/London',
    // Without pictures, which slow a journey down.
    trace: { mode: 'retain-on-failure', screenshots: false },
    launchOptions: {
      executablePath: browserPath(),
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
