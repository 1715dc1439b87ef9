// A Redis that a bench may kill, freeze, and start again at the same address. The dev services give each start another password, so it is spawned here.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freeBytes } from '../packages/dev-services/dist/disk.js'
import { cacheFolder } from '../packages/dev-services/dist/index.js'
import { createLauncher } from '../packages/dev-services/dist/launcher.js'
import { findRedis } from '../packages/dev-services/dist/redis/binaries.js'

/** @returns {Promise<{ url: string, freeze(): void, thaw(): void, kill(): Promise<void>, start(): Promise<void>, stop(): Promise<void> }>} running */
export async function startKillableRedis(settings = []) {
  const env = process.env
  const context = {
    env,
    launcher: await createLauncher(env),
    cacheFolder: () => cacheFolder(env),
    signal: new AbortController().signal,
    progress() {},
    freeBytes,
  }
  const { command, libraryPath } = await findRedis(context)
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  const port = await freePort()
  let child
  const end = () => child?.kill('SIGKILL')
  process.once('exit', end)
  const redis = {
    url: `redis://127.0.0.1:${port}`,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    async kill() {
      const gone = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    },
    async start() {
      const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no', '--daemonize', 'no']
      const libraries = libraryPath === undefined ? {} : { LD_LIBRARY_PATH: libraryPath }
      child = spawn(command, [...fixed, ...settings], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...env, ...libraries } })
      await new Promise((resolve, reject) => {
        let log = ''
        child.stdout.on('data', chunk => {
          log += chunk
          if (log.includes('eady to accept connections')) resolve()
        })
        child.once('exit', () => reject(new Error(`Redis did not start:\n${log}`)))
      })
    },
    async stop() {
      process.off('exit', end)
      child.kill('SIGCONT')
      await redis.kill()
      await pause(0)
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await redis.start()
  return redis
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
