// Pick-up of single jobs by an idle worker: from the call that hands one over to the start of its function. p99 of 300 in the figures' order of candidates; p50 is printed.
import { bench } from '../harness.mjs'
import { check, graphileWorker, holdfast, pgBoss, plainBullMq, withServices } from './contenders.mjs'

const JOBS = 300

const pickUp = (contender, jobs = JOBS) => ({
  check: () => check(contender, 20),
  /** ms, p50. */
  async run() {
    const { addOne, work } = await contender.open()
    const waits = []
    let started = () => undefined
    await work(() => started())
    for (let n = 0; n < jobs; n++) {
      // At moments that no poll can be in step with.
      await new Promise(resolve => setTimeout(resolve, 5 + Math.random() * 10))
      const at = performance.now()
      const running = new Promise(resolve => {
        started = resolve
      })
      await addOne(n)
      await running
      waits.push(performance.now() - at)
    }
    waits.sort((a, b) => a - b)
    process.stderr.write(`p50 ${waits[jobs >> 1].toFixed(2)} ms, p99 ${waits[Math.floor(jobs * 0.99)].toFixed(2)} ms\n`)
    return process.env.HOLDFAST_BENCH_QUANTILE === '99' ? waits[Math.floor(jobs * 0.99)] : waits[jobs >> 1]
  },
})

await withServices(() =>
  bench({
    url: import.meta.url,
    unit: 'ms from the call to the start of the job, p50',
    baseline: 'BullMQ',
    rounds: 3,
    candidates: {
      BullMQ: pickUp(plainBullMq),
      Holdfast: pickUp(holdfast()),
      'Holdfast, outbox': pickUp(holdfast({ hasOutbox: true })),
      'pg-boss 10': pickUp(pgBoss, 10),
      'graphile-worker 0.16': pickUp(graphileWorker),
    },
    leftOut: [{ name: 'pg-boss 12, graphile-worker 0.18', why: 'they need Node 22' }],
  }),
)
