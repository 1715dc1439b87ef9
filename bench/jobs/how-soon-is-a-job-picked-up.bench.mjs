// From handing a job over to the start of its function, by a worker that is idle, and by one with 300 jobs a second on its hands. A direct add counts from its call; one in a
// transaction from the moment that COMMIT is sent, which is when the others could first know. A process a candidate; producer and worker share it, as in a small service.
import { benchTable } from '../table.mjs'
import { check, graphileWorker, holdfast, LEFT_OUT, pgBoss, plainBullMq, withContenderServices } from './contenders.mjs'

const IDLE_JOBS = 300
const BUSY_JOBS = 1500
const PER_SEC = 300
/** pg-boss polls twice a second, and every job waits for that. */
const POLLED_JOBS = 30

const pickUp =
  (contender, idleJobs = IDLE_JOBS) =>
  async () => {
    const queue = await contender.open()
    const jobs = { onJob: () => undefined }
    await queue.work(n => jobs.onJob(n))
    await check(queue, jobs)
    const begun = new Map()
    jobs.onJob = n => begun.get(n)(performance.now())
    const waitedMs = async n => {
      const start = new Promise(resolve => begun.set(n, resolve))
      let handedOverMs = performance.now()
      await queue.addOne(n, () => {
        handedOverMs = performance.now()
      })
      return (await start) - handedOverMs
    }
    const idle = []
    for (let n = 0; n < idleJobs; n++) {
      // At moments that no poll can be in step with.
      await pause(5 + Math.random() * 10)
      idle.push(await waitedMs(n))
    }
    const startMs = performance.now()
    const busy = []
    for (let n = 0; n < BUSY_JOBS; n++) {
      await pause(startMs + (n / PER_SEC) * 1000 - performance.now())
      busy.push(waitedMs(idleJobs + n))
    }
    const busyMs = await Promise.all(busy)
    return { idle50: quantile(idle, 0.5), idle99: quantile(idle, 0.99), busy50: quantile(busyMs, 0.5), busy99: quantile(busyMs, 0.99) }
  }

const OUTBOX = 'Holdfast, outbox'
await withContenderServices(() =>
  benchTable({
    url: import.meta.url,
    about: `ms from handing a job over to the start of its function; ${IDLE_JOBS} one by one, then ${BUSY_JOBS} at ${PER_SEC} a second`,
    columns: [
      { key: 'idle50', title: 'idle, p50', digits: 2 },
      { key: 'idle99', title: 'idle, p99', digits: 2 },
      { key: 'busy50', title: 'busy, p50', digits: 2 },
      { key: 'busy99', title: 'busy, p99', digits: 2 },
    ],
    rounds: 3,
    candidates: {
      BullMQ: pickUp(plainBullMq),
      'BullMQ again (control)': pickUp(plainBullMq),
      Holdfast: pickUp(holdfast()),
      [OUTBOX]: pickUp(holdfast({ hasOutbox: true })),
      'pg-boss 10': pickUp(pgBoss, POLLED_JOBS),
      'graphile-worker 0.16': pickUp(graphileWorker),
    },
    claims: [
      { candidate: OUTBOX, column: 'idle50', atMost: 5, why: 'a few milliseconds after COMMIT' },
      { candidate: OUTBOX, column: 'busy50', atMost: 5, why: 'a few milliseconds after COMMIT' },
    ],
    leftOut: LEFT_OUT,
  }),
)

function pause(ms) {
  return ms < 1 ? undefined : new Promise(resolve => setTimeout(resolve, ms))
}

function quantile(values, share) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]
}
