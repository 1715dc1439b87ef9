// The claim: one tenant with 10,000 jobs and fifty with 10: the p95 wait of the fifty is below twice what it is without the one, and all of it takes at most a tenth longer than with plain
// BullMQ. There, the fifty wait for the whole of the one. A job waits 5 ms for something and needs next to no CPU; fifty run at once; a wait is from the call that adds to the start.
import { benchTable } from '../table.mjs'
import { CONCURRENCY, check, holdfast, LEFT_OUT, plainBullMq, withContenderServices } from './contenders.mjs'

const BIG = 10_000
const TENANTS = 50
const JOBS_EACH = 10
const CHUNK = 500
const JOB_MS = 5

const waits = contender => async () => {
  const queue = await contender.open()
  const jobs = { onJob: () => undefined }
  await queue.work(n => jobs.onJob(n))
  await check(queue, jobs)
  const addAs = queue.addAs ?? ((_tenant, numbers) => queue.add(numbers))
  const alone = await runAll(addAs, jobs, 0)
  const together = await runAll(addAs, jobs, BIG)
  return {
    aloneMs: alone.p95Ms,
    togetherMs: together.p95Ms,
    ratio: together.p95Ms / alone.p95Ms,
    bigMs: together.bigMs,
    perSec: ((BIG + TENANTS * JOBS_EACH) / together.tookMs) * 1000,
  }
}

/** All jobs of one go: numbers below `big` are those of the one tenant. */
async function runAll(addAs, jobs, big) {
  const total = big + TENANTS * JOBS_EACH
  const addedMs = []
  const startedMs = []
  let left = total
  const done = new Promise(resolve => {
    jobs.onJob = async n => {
      if (startedMs[n] !== undefined) throw new Error(`job ${n} ran twice`)
      startedMs[n] = performance.now()
      await new Promise(resume => setTimeout(resume, JOB_MS))
      if (--left === 0) resolve(performance.now())
    }
  })
  const add = (tenant, from, count) => {
    const numbers = Array.from({ length: count }, (_, at) => from + at)
    for (const n of numbers) addedMs[n] = performance.now()
    return addAs(tenant, numbers)
  }
  const startMs = performance.now()
  for (let from = 0; from < big; from += CHUNK) await add('big', from, CHUNK)
  await Promise.all(Array.from({ length: TENANTS }, (_, at) => add(`small-${at}`, big + at * JOBS_EACH, JOBS_EACH)))
  const tookMs = (await done) - startMs
  const waitedMs = startedMs.map((ms, n) => ms - addedMs[n])
  return { tookMs, p95Ms: p95(waitedMs.slice(big)), bigMs: big === 0 ? undefined : p95(waitedMs.slice(0, big)) }
}

function p95(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)]
}

const FAIR = 'Holdfast, turns for tenants'
await withContenderServices(() =>
  benchTable({
    url: import.meta.url,
    about: `${BIG.toLocaleString('en-US')} jobs of one tenant, then ${JOBS_EACH} of each of ${TENANTS}; ${JOB_MS} ms a job, ${CONCURRENCY} at once`,
    columns: [
      { key: 'aloneMs', title: 'p95 wait of the fifty alone, ms' },
      { key: 'togetherMs', title: 'beside the one, ms' },
      { key: 'ratio', title: 'ratio', digits: 2 },
      { key: 'bigMs', title: 'p95 wait of the one, ms' },
      { key: 'perSec', title: 'jobs a second' },
      { key: 'throughput', title: 'ratio to BullMQ', digits: 2 },
    ],
    rounds: 5,
    candidates: { BullMQ: waits(plainBullMq), 'BullMQ again (control)': waits(plainBullMq), [FAIR]: waits(holdfast({ tenants: TENANTS })) },
    claims: [
      { candidate: FAIR, column: 'ratio', atMost: 2, why: 'the fifty hardly notice the one' },
      { candidate: FAIR, column: 'throughput', atLeast: 0.9, why: 'at most a tenth of the throughput' },
      { candidate: 'BullMQ again (control)', column: 'throughput', atLeast: 0.95, atMost: 1.05, why: 'the run was undisturbed' },
    ],
    leftOut: [...LEFT_OUT, { name: 'pg-boss, graphile-worker', why: 'neither has turns for tenants' }],
    derive(rows) {
      for (const values of rows.values()) values.throughput = values.perSec / rows.get('BullMQ').perSec
    },
  }),
)
