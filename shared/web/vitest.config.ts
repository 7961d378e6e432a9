import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'happy-dom',
    include: ['client/src/**/*.test.ts', 'console/src/**/*.test.{ts,tsx}'],
    setupFiles: ['console/vitest.setup.ts'],
    restoreMocks: true,
  },
});
