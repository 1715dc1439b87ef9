import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const at = name => fileURLToPath(new URL(name, import.meta.url))

export default {
  cacheHandler: at('./cache-handler.mjs'),
  cacheHandlers: { default: at('./use-cache.mjs') },
  cacheMaxMemorySize: 0,
  // What is in front of it encodes.
  compress: false,
  experimental: { useCache: true },
  // One module for the routes and for the two handlers, which Next.js loads itself.
  serverExternalPackages: ['holdfast'],
  turbopack: { root },
  outputFileTracingRoot: root,
}
