import { type ChildProcess, spawn } from 'node:child_process'
import { type OwnServer, startRedisServers } from '@holdfast/dev-services'
import { expect, it } from 'vitest'
import { bundleChild } from '../bundle-child.ts'
import { newNamespace, openDatabase, pause, until } from './harness.ts'
import { randomOf } from './seeded-random.ts'

// The whole run: HOLDFAST_TEST_ORDERS=10000 HOLDFAST_TEST_ORDER_KILLS=40 HOLDFAST_TEST_ORDER_SEED=... npx vitest run --project integration packages/holdfast/test/integration/jobs/orders.test.ts
const ORDERS = Number(process.env.HOLDFAST_TEST_ORDERS ?? 200)
const SEED = process.env.HOLDFAST_TEST_ORDER_SEED ?? 'a'
/** One of them is that of Redis. */
const KILLS = Number(process.env.HOLDFAST_TEST_ORDER_KILLS ?? 5)
const ROLES = ['app', 'relay', 'worker', 'worker'] as const

interface Settings {
  readonly redis: string
  readonly databaseUrl: string
  readonly namespace: string
}

/** The processes of one run; each dead one is started again. */
class Fleet {
  readonly #settings: Settings
  readonly #file: string
  readonly #children: (ChildProcess | undefined)[] = []
  /** Orders below are taken, rolled back, or lost with the app that was taking them. */
  begun = 0
  isDone = false

  constructor(settings: Settings, file: string) {
    this.#settings = settings
    this.#file = file
  }

  start(at: number): void {
    const role = ROLES[at]!
    if (role === 'app' && this.isDone) return
    const argument = { ...this.#settings, role, from: this.begun, to: ORDERS, seed: SEED, pauseMs: ORDERS > 1000 ? 4 : 15 }
    const child = spawn(process.execPath, [this.#file, JSON.stringify(argument)], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#children[at] = child
    let rest = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.#hear(line)
    })
  }

  #hear(line: string): void {
    if (line === 'done') this.isDone = true
    else if (/^\d+$/.test(line)) this.begun = Math.max(this.begun, Number(line) + 1)
  }

  async kill(at: number): Promise<void> {
    const child = this.#children[at]
    this.#children[at] = undefined
    if (child === undefined || child.exitCode !== null) return
    const gone = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  async killAll(): Promise<void> {
    await Promise.all(ROLES.map((_, at) => this.kill(at)))
  }
}

/** Kills one process after another, and Redis once, at chance moments spread over the orders: by progress and not by time, so that a busy machine gets on. */
async function rage(fleet: Fleet, redis: OwnServer, random: () => number): Promise<void> {
  const redisAt = Math.floor(random() * KILLS)
  for (let kill = 0; kill < KILLS; kill++) {
    const from = ((kill + random()) * ORDERS) / (KILLS + 1)
    await until(() => fleet.isDone || fleet.begun >= from, 60_000 + ORDERS * 20)
    // Anywhere in a transaction, a look of the relay or a job.
    await pause(random() * 50)
    if (kill === redisAt) {
      await redis.kill()
      await pause(200 * random())
      await redis.restart()
      continue
    }
    const at = Math.floor(random() * ROLES.length)
    await fleet.kill(at)
    fleet.start(at)
  }
  await until(() => fleet.isDone, 60_000 + ORDERS * 20)
}

it(`does every committed order once and no other, while app, relay and workers are killed and Redis restarts (${ORDERS} orders, seed ${SEED})`, async () => {
  await using database = await openDatabase()
  const { pool } = database
  await pool.query('CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE effect (order_id int NOT NULL)')
  await using servers = await startRedisServers()
  const redis = await servers.start(['appendonly yes', 'save ""'])
  const fleet = new Fleet(
    { redis: redis.url, databaseUrl: database.url, namespace: newNamespace() },
    await bundleChild(new URL('order-child.ts', import.meta.url)),
  )
  const count = async (sql: string): Promise<number> => Number((await pool.query(sql)).rows[0].n)
  try {
    for (const at of ROLES.keys()) fleet.start(at)
    await rage(fleet, redis, randomOf(`${SEED}/rage`))
    const committed = await count('SELECT count(*) AS n FROM orders')
    await until(async () => (await count('SELECT count(DISTINCT order_id) AS n FROM effect')) >= committed, 20_000 + ORDERS * 10)
    await until(async () => (await count('SELECT count(*) AS n FROM holdfast.job_outbox')) === 0, 20_000)
  } finally {
    await fleet.killAll()
  }
  expect(await count('SELECT count(*) AS n FROM effect e LEFT JOIN orders o ON o.id = e.order_id WHERE o.id IS NULL')).toBe(0)
  expect(await count('SELECT count(*) AS n FROM (SELECT order_id FROM effect GROUP BY 1 HAVING count(*) > 1) AS twice')).toBe(0)
  const committed = await count('SELECT count(*) AS n FROM orders')
  expect(await count('SELECT count(*) AS n FROM effect')).toBe(committed)
  expect(committed).toBeGreaterThan(ORDERS * 0.6)
}, 600_000)
