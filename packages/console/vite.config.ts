import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

// Absolute paths, so that the page builds from any working directory: `vite build --config packages/console/vite.config.ts`.
export default defineConfig({
  root: here('web'),
  // Relative addresses: the console is mounted at sub-paths that are unknown here.
  base: './',
  plugins: [react()],
  build: {
    outDir: here('dist/web'),
    emptyOutDir: true,
    // The Content-Security-Policy allows no data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ['chrome120', 'firefox121', 'safari17'],
  },
})
