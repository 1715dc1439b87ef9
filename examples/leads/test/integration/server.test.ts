import { type ChildProcess, fork } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ClonedDatabase } from '@holdfast/testkit'
import { cloneDatabase } from '@holdfast/testkit'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { serverPath } from '../../src/index.ts'
import { seededDatabase } from './seeded-database.ts'

// These run the built service (`npm test` builds first): what is tested is the process.

interface Run {
  readonly process: ChildProcess
  readonly ready: Promise<{ port: number; mode: string } | undefined>
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

let database: ClonedDatabase
const running: ChildProcess[] = []

beforeAll(async () => {
  database = await seededDatabase()
})
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
})
afterAll(() => database?.drop())

function start(env: NodeJS.ProcessEnv): Run {
  const child = fork(fileURLToPath(serverPath), {
    env: { PATH: process.env.PATH, PORT: '0', ...env },
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
  })
  running.push(child)
  const [out, err]: [string[], string[]] = [[], []]
  createInterface({ input: child.stderr! }).on('line', line => err.push(line))
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>(resolve => {
    child.once('close', code => resolve({ code, stdout: out.join('\n'), stderr: err.join('\n') }))
  })
  const ready = new Promise<{ port: number; mode: string } | undefined>(resolve => {
    createInterface({ input: child.stdout! }).on('line', line => {
      out.push(line)
      resolve(JSON.parse(line))
    })
    void ended.then(() => resolve(undefined))
  })
  return { process: child, ready, ended }
}

/** Resolves when a statement of the service waits for a lock. */
async function lockAwaited(client: Client): Promise<void> {
  await expect
    .poll(async () => (await client.query(`select 1 from pg_stat_activity where application_name = 'leads' and wait_event_type = 'Lock'`)).rowCount, {
      timeout: 10_000,
    })
    .toBe(1)
}

describe('the process', () => {
  it.each(['plain', 'observe', 'cache'])('says once that it is ready, serves in the mode %s, and ends with 0 on SIGTERM', async mode => {
    const run = start({ DATABASE_URL: database.url, LEADS_MODE: mode, REDIS_URL: process.env.HOLDFAST_TEST_REDIS_URL })
    const ready = await run.ready
    expect(ready).toEqual({ ready: true, port: expect.any(Number), mode })
    expect((await fetch(`http://127.0.0.1:${ready!.port}/leads/1`)).status).toBe(200)
    run.process.kill('SIGTERM')
    expect(await run.ended).toMatchObject({ code: 0, stdout: JSON.stringify(ready) })
  })

  it('answers the requests under way before it ends', async () => {
    const run = start({ DATABASE_URL: database.url, LEADS_MODE: 'cache', REDIS_URL: process.env.HOLDFAST_TEST_REDIS_URL })
    const { port } = (await run.ready)!
    const isOpen = (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        () => true,
        () => false,
      )
    const holder = new Client({ connectionString: database.url })
    await holder.connect()
    try {
      await holder.query('begin; select from lead where id = 4990 for update')
      const answer = fetch(`http://127.0.0.1:${port}/assignments`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"leadId":4990,"agentId":3}',
      }).then(response => response.status)
      await lockAwaited(holder)
      run.process.kill('SIGTERM')
      await expect.poll(isOpen, { timeout: 4000 }).toBe(false)
      await holder.query('commit')
      expect(await answer).toBe(201)
      expect((await run.ended).code).toBe(0)
    } finally {
      await holder.end()
    }
  })

  it('ends when the process that forked it is gone', async () => {
    const run = start({ DATABASE_URL: database.url, LEADS_MODE: 'plain' })
    await run.ready
    // Not 'close': that event does not come after a disconnect.
    const code = new Promise(resolve => run.process.once('exit', resolve))
    run.process.disconnect()
    expect(await code).toBe(0)
  })

  it('ends when stdin is closed, where that is asked for', async () => {
    const run = start({ DATABASE_URL: database.url, LEADS_MODE: 'plain', LEADS_EXIT_WITH_PARENT: '1' })
    await run.ready
    run.process.stdin!.end()
    expect((await run.ended).code).toBe(0)
  })
})

describe('a start that cannot succeed ends with one coded line and no stack', () => {
  async function refusal(env: NodeJS.ProcessEnv): Promise<{ code: number | null; line: Record<string, string> }> {
    const { code, stdout, stderr } = await start(env).ended
    expect(stdout).toBe('')
    expect(stderr.split('\n')).toHaveLength(1)
    return { code, line: JSON.parse(stderr) }
  }

  it('for a wrong setting: 2', async () => {
    expect(await refusal({ LEADS_MODE: 'fast' })).toMatchObject({ code: 2, line: { code: 'LEADS_BAD_ENVIRONMENT', hint: expect.any(String) } })
  })

  it('for a setting that Holdfast refuses: 2', async () => {
    expect(await refusal({ DATABASE_URL: database.url, LEADS_CACHE_NAMESPACE: 'with space' })).toMatchObject({
      code: 2,
      line: { code: 'HF_CONFIG_INVALID' },
    })
  })

  it('for a database that does not answer: 3, without its password', async () => {
    const { code, line } = await refusal({ DATABASE_URL: 'postgres://leads:secret@127.0.0.1:1/leads' })
    expect({ code, line }).toMatchObject({ code: 3, line: { code: 'LEADS_DATABASE_UNREACHABLE' } })
    expect(JSON.stringify(line)).not.toContain('secret')
  })

  it('for a database without the tables: 3, and how to make them', async () => {
    const empty = await cloneDatabase({ name: 'leads_empty' })
    expect(await refusal({ DATABASE_URL: empty.url })).toMatchObject({
      code: 3,
      line: { code: 'LEADS_DATABASE_EMPTY', hint: expect.stringContaining('seed') },
    })
    await empty.drop()
  })

  it('for a port that is taken: 2', async () => {
    const holder = createServer()
    await new Promise<void>(resolve => holder.listen(0, '127.0.0.1', resolve))
    const { port } = holder.address() as { port: number }
    expect(await refusal({ DATABASE_URL: database.url, LEADS_MODE: 'plain', PORT: String(port) })).toMatchObject({
      code: 2,
      line: { code: 'LEADS_PORT_UNUSABLE' },
    })
    await new Promise(resolve => holder.close(resolve))
  })
})
