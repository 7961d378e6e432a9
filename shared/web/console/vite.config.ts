import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // Nothing is inlined: the content security policy allows no `data:` beyond pictures.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    port: 4572,
    strictPort: true,
    // The settings of the stack that runs here.
    proxy: { '/config.json': 'http://127.0.0.1:4571' },
  },
});
