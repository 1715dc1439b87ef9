// The claim: timeouts, fences, history, retention and metrics cost at most a tenth of plain BullMQ's throughput while the outbox is off, and turns for tenants as little.
// The outbox's cost is stated. Jobs that do nothing, handed over first and then worked, fifty at once, in one process; the peers on PostgreSQL beside them.
import { bench } from '../harness.mjs'
import { check, graphileWorker, holdfast, pgBoss, plainBullMq, withServices } from './contenders.mjs'

const throughput = (contender, count) => ({
  check: () => check(contender),
  /** us per job, adding and working. */
  async run() {
    const { add, work } = await contender.open()
    const startedAt = performance.now()
    await add(count)
    let left = count
    await new Promise((resolve, reject) => {
      Promise.resolve(work(() => --left === 0 && resolve())).catch(reject)
    })
    return ((performance.now() - startedAt) * 1000) / count
  },
})

await withServices(() =>
  bench({
    url: import.meta.url,
    unit: 'us per job, added and worked',
    baseline: 'BullMQ',
    candidates: {
      BullMQ: throughput(plainBullMq, 10_000),
      Holdfast: throughput(holdfast(), 10_000),
      'Holdfast, 50 tenants': throughput(holdfast({ tenants: 50 }), 10_000),
      'Holdfast, outbox': throughput(holdfast({ hasOutbox: true }), 10_000),
      'pg-boss 10': throughput(pgBoss, 2000),
      'graphile-worker 0.16': throughput(graphileWorker, 5000),
    },
    claims: [
      { candidate: 'Holdfast', atMost: 1.11, why: 'at most a tenth of the throughput' },
      { candidate: 'Holdfast, 50 tenants', atMost: 1.11, why: 'throughput within a tenth with turns for tenants' },
    ],
    leftOut: [{ name: 'pg-boss 12, graphile-worker 0.18', why: 'they need Node 22' }],
  }),
)
