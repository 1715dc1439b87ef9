import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { withClient } from '../../src/postgres/probe.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { allGoneFrom, freshEnv, processesIn, started } from './places.ts'

const packageFolder = fileURLToPath(new URL('../..', import.meta.url))
/** Node 20 cannot run the sources, and `dist` may be somebody else's build. Inside the package, so that its dependencies are found. */
const built = join(packageFolder, '.tsc', 'for-lifetime-test')

interface Parent {
  readonly url: string
  /** `kill -9`, and waits for its end. */
  kill(signal: NodeJS.Signals): Promise<void>
}

/** A process of its own that starts services and then waits to be killed. */
async function parentOn(dataDir: string, env: NodeJS.ProcessEnv): Promise<Parent> {
  const script = `
    const { startServices } = await import(${JSON.stringify(join(built, 'index.js'))})
    const services = await startServices({ dataDir: ${JSON.stringify(dataDir)}, requireRedis: true })
    console.log(services.postgres.url)
    setInterval(() => {}, 60_000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string]
  return {
    url,
    kill: async signal => {
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    },
  }
}

beforeAll(() => {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
  execFileSync(process.execPath, [tsc, '-p', packageFolder, '--outDir', built, '--tsBuildInfoFile', `${built}.tsbuildinfo`], { stdio: 'inherit' })
})

describe('the end of the process that started the services', () => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`takes every service with it, by ${signal}`, async () => {
      const [dataDir, env] = [temporaryFolder(), freshEnv()]
      const parent = await parentOn(dataDir, env)
      expect(processesIn(dataDir).length).toBeGreaterThanOrEqual(3)
      await parent.kill(signal)
      await allGoneFrom(dataDir)
    })
  }

  it('leaves data that the next start uses at once, without waiting for the old servers', async () => {
    const [dataDir, env] = [temporaryFolder(), freshEnv()]
    const parent = await parentOn(dataDir, env)
    await withClient(parent.url, client => client.query('CREATE TABLE fund AS SELECT 7 AS id'))
    await parent.kill('SIGKILL')
    const { postgres } = await started({ env, dataDir, durable: true })
    expect(await withClient(postgres.url, async client => (await client.query('SELECT id FROM fund')).rows)).toEqual([{ id: 7 }])
    expect(existsSync(join(dataDir, '1'))).toBe(false)
  })
})
