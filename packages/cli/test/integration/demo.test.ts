import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../src/command-line.ts'
import { type DemoResult, demoSucceeded } from '../../src/demo/result.ts'
import { fakeHost } from '../fake-host.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-'))

/** `npm start` as a user without a terminal runs it, in a process group of its own. */
interface RunningDemo {
  readonly process: ChildProcess
  readonly ended: Promise<{ code: number | null; out: string; err: string }>
  err(): string
}

const running: RunningDemo[] = []

function startDemo(...flags: string[]): RunningDemo {
  const child = spawn('npm', ['start', '--silent', '--', '--once', '--json', '--port', '0', ...flags], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', chunk => (out += chunk))
  child.stderr.on('data', chunk => (err += chunk))
  const ended = new Promise<{ code: number | null; out: string; err: string }>(resolve => child.once('close', code => resolve({ code, out, err })))
  const demo = { process: child, ended, err: () => err }
  running.push(demo)
  return demo
}

interface ProcessRow {
  readonly pid: number
  readonly parentPid: number
  readonly args: string
}

function processTable(): ProcessRow[] {
  return execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .map(line => /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .filter(match => match !== null && !match[3]!.startsWith('Z'))
    .map(match => ({ pid: Number(match![1]), parentPid: Number(match![2]), args: match![4]! }))
}

/** The demo and everything below it, now. */
function treeOf({ process }: RunningDemo): ProcessRow[] {
  const table = processTable()
  const tree = table.filter(({ pid }) => pid === process.pid)
  for (const row of tree) tree.push(...table.filter(({ parentPid }) => parentPid === row.pid))
  return tree
}

/** Those of `seen` that still run. PostgreSQL's workers rename themselves, so a process is known by number and program. */
function stillRunning(seen: readonly ProcessRow[]): ProcessRow[] {
  const program = ({ args }: ProcessRow): string => args.split(/[ :]/, 1)[0]!
  return processTable().filter(row => seen.some(old => old.pid === row.pid && program(old) === program(row)))
}

afterEach(async () => {
  for (const demo of running.splice(0)) {
    const root = treeOf(demo).find(({ args }) => /^node scripts\/start/.test(args))
    if (root !== undefined) process.kill(root.pid, 'SIGTERM')
    await demo.ended
  }
})

describe('npm start', () => {
  it('runs the whole loop without a terminal and prints one JSON document', async () => {
    const report = join(folder, 'fixed.html')
    const demo = startDemo('--report', report)
    await expect.poll(() => demo.err(), { timeout: 60_000 }).toContain('calibrated')
    const tree = treeOf(demo)
    for (const program of ['postgres', 'redis-server', 'server.js', 'holdfast.mjs console'])
      expect(tree.map(({ args }) => args).join('\n')).toContain(program)
    const { code, out, err } = await demo.ended
    const result = JSON.parse(out) as DemoResult
    expect(result.schema).toBe('holdfast.demo/1')
    expect(result.steps.map(step => step.name)).toEqual(['plain', 'observed', 'indexed', 'cached'])
    expect(new Set(result.steps.map(step => step.arrivalPerSec)).size).toBe(1)
    expect(result.data.rows).toBeGreaterThanOrEqual(300_000)
    expect(result.finding).toMatchObject({ rule: 'pg/missing-index', planted: false, evidence: { tier: 'measured' } })
    expect(result.finding!.sql).toContain('CREATE INDEX CONCURRENTLY')
    expect(result.verified, err).toMatchObject({ verdict: 'fixed', revertOffered: false })
    expect(result.verified!.after.meanMs).toBeLessThan(result.verified!.before.meanMs / 5)
    const [plain, , , cached] = result.steps
    expect(cached!.statementsPerRequest!).toBeLessThan(plain!.statementsPerRequest! / 2)
    expect(cached!.hitRatio!).toBeGreaterThan(0.5)
    expect(code).toBe(demoSucceeded(result) ? 0 : 1)
    expect(readFileSync(report, 'utf8')).toContain(result.finding!.id)
    expect(stillRunning(tree)).toEqual([])
  }, 180_000)

  it('says no to an index that nobody needs, while the console and Redis are killed under it', async () => {
    const demo = startDemo('--plant', 'useless', '--report', join(folder, 'useless.html'))
    await expect.poll(() => demo.err(), { timeout: 60_000 }).toContain('PLANTED')
    const tree = treeOf(demo)
    for (const victim of tree.filter(({ args }) => args.includes('redis-server') || args.includes('holdfast.mjs console')))
      process.kill(victim.pid, 'SIGKILL')
    const { code, out } = await demo.ended
    const result = JSON.parse(out) as DemoResult
    expect(result.verified).toMatchObject({ verdict: 'no effect', revertOffered: true })
    expect(result.finding).toMatchObject({ planted: true })
    expect(code).toBe(1)
    expect(result.steps.at(-1)).toMatchObject({ name: 'cached', errors: 0 })
    expect(result.steps.reduce((errors, step) => errors + step.errors, 0)).toBe(0)
    const incidents = result.incidents.join('\n')
    expect(incidents).toMatch(/the console ended \(SIGKILL\)/)
    expect(incidents).toMatch(/Redis \(cache\) ended \(SIGKILL\)/)
    expect(demo.err()).toContain('console is back')
    expect(stillRunning(tree)).toEqual([])
  }, 180_000)

  it('ends with 3 at once, and leaves nothing running, when the service that it measures is killed', async () => {
    const demo = startDemo('--report', join(folder, 'dead.html'))
    await expect.poll(() => demo.err(), { timeout: 60_000 }).toContain('calibrated')
    const tree = treeOf(demo)
    process.kill(tree.find(({ args }) => args.includes('server.js'))!.pid, 'SIGKILL')
    const { code, out } = await demo.ended
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'HF_CLI_SERVICE_DIED', message: expect.stringContaining('in the middle of the demo') } })
    expect(code).toBe(3)
    expect(stillRunning(tree)).toEqual([])
  }, 90_000)

  it('leaves nothing running when it is interrupted', async () => {
    const demo = startDemo('--report', join(folder, 'never.html'))
    await expect.poll(() => demo.err(), { timeout: 60_000 }).toContain('Dashboard')
    const tree = treeOf(demo)
    process.kill(tree.find(({ args }) => /^node scripts\/start/.test(args))!.pid, 'SIGINT')
    const { code, out } = await demo.ended
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'HF_CLI_INTERRUPTED' } })
    expect(code).toBe(130)
    expect(existsSync(join(folder, 'never.html'))).toBe(false)
    expect(stillRunning(tree)).toEqual([])
  }, 90_000)
})

describe('bad input to the demo', () => {
  it('is refused before anything starts when the port is taken', async () => {
    const squatter = createServer()
    await new Promise<void>(resolve => squatter.listen(0, '127.0.0.1', resolve))
    const host = fakeHost({ ...process.env })
    expect(await runCommandLine(['demo', '--once', '--port', String((squatter.address() as AddressInfo).port)], host)).toBe(2)
    expect(host.err()).toMatch(/HF_CLI_PORT_TAKEN.*\n.*--port 0/)
    squatter.close()
  })

  it.each([
    [{ DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:9/none' }, 'HF_PG_UNREACHABLE'],
    [{ REDIS_URL: 'redis://:hunter2@127.0.0.1:9' }, 'HF_REDIS_UNREACHABLE'],
  ])('ends with 3 when %o does not answer, without a stack and without the password', async (env, code) => {
    const host = fakeHost({ ...process.env, ...env })
    expect(await runCommandLine(['demo', '--once', '--json', '--port', '0'], host)).toBe(3)
    expect(JSON.parse(host.out())).toMatchObject({ schema: 'holdfast.error/1', error: { code } })
    expect(host.out() + host.err()).not.toContain('hunter2')
    expect(host.err()).not.toMatch(/\n\s+at /)
  })
})
