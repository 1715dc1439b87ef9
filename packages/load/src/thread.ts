import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { loadErrors } from './errors.ts'

/** Starts a built file of this package as a thread. A thread of Node.js 20 cannot load TypeScript, so from the sources too it is the built file that runs.
 *  @throws HF_LOAD_WORKER_FAILED when the package was not built. */
export function startThread(name: 'worker' | 'null-server-thread', workerData?: unknown): Worker {
  const isSource = import.meta.url.endsWith('.ts')
  const file = new URL(isSource ? `../dist/${name}.js` : `./${name}.js`, import.meta.url)
  if (!existsSync(file)) {
    throw loadErrors.create('HF_LOAD_WORKER_FAILED', `${fileURLToPath(file)} does not exist`, { hint: 'build the package: npm run build' })
  }
  // No flags of the parent, neither given nor from the environment: a condition or a loader for TypeScript would lead the thread to sources.
  return new Worker(file, { workerData, execArgv: [], env: { ...process.env, NODE_OPTIONS: '' }, name: `holdfast-${name}` })
}
