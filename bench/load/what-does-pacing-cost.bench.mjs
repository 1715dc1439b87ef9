// Sending at the intended moment needs waits finer than a timer's millisecond. What do the ways to wait cost in processor time, and how late do they send?
// One thread, nothing to send: 600 moments a second. The candidate in use is the pacer itself; the others are what it was chosen over.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { systemClock } from 'holdfast/core'
import { createPacer } from '../../packages/load/dist/pacer.js'
import { machine, median } from '../harness.mjs'

const ROUNDS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 5)
const RATES = [60, 600]
const SECONDS = 3
const pacer = createPacer(systemClock)
const WAITS = {
  'timers only': (leftMs, _dueMs, wake) => setTimeout(wake, Math.max(0, Math.floor(leftMs))),
  'timers, then spinning': (leftMs, _dueMs, wake) => (leftMs >= 2.2 ? setTimeout(wake, Math.floor(leftMs - 1.2)) : setImmediate(wake)),
  'timers, then naps (in use)': (_leftMs, dueMs, wake) => pacer.waitUntil(dueMs, wake),
}

const mine = process.env.HOLDFAST_BENCH_CANDIDATE
if (mine === undefined) compare()
else process.stdout.write(JSON.stringify(await pace(WAITS[mine], Number(process.env.HOLDFAST_BENCH_RATE))))

function pace(wait, rate) {
  return new Promise(resolve => {
    const count = rate * SECONDS
    const startMs = performance.now() + 100
    const cpuBefore = process.cpuUsage()
    const lateMs = []
    const dueMs = () => startMs + (1000 * (lateMs.length + 0.5)) / rate
    const look = () => {
      while (lateMs.length < count && dueMs() <= performance.now()) lateMs.push(performance.now() - dueMs())
      if (lateMs.length < count) {
        wait(dueMs() - performance.now(), dueMs(), look)
        return
      }
      const { user, system } = process.cpuUsage(cpuBefore)
      const sorted = lateMs.toSorted((a, b) => a - b)
      resolve({
        lateP50Ms: sorted[count >> 1],
        lateP99Ms: sorted[Math.floor(0.99 * count)],
        cpuRatio: (user + system) / 1000 / (performance.now() - startMs),
      })
    }
    look()
  })
}

function compare() {
  const rows = RATES.flatMap(rate => Object.keys(WAITS).map(name => ({ rate, name, runs: [] })))
  for (let round = 0; round < ROUNDS; round++) for (const row of round % 2 === 0 ? rows : rows.toReversed()) row.runs.push(measure(row))
  console.log(`what does pacing cost? (lateness in ms, share of a core; median of ${ROUNDS} rounds, a process each)`)
  for (const row of rows) {
    for (const figure of ['lateP50Ms', 'lateP99Ms', 'cpuRatio']) row[figure] = median(row.runs.map(run => run[figure]))
    console.log(
      `  ${String(row.rate).padStart(4)}/s  ${row.name.padEnd(28)} p50 ${row.lateP50Ms.toFixed(3)}  p99 ${row.lateP99Ms.toFixed(3)}  core ${row.cpuRatio.toFixed(3)}`,
    )
  }
  const folder = fileURLToPath(new URL('../results/load/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    `${folder}what-does-pacing-cost.json`,
    `${JSON.stringify({ question: 'what-does-pacing-cost', rounds: ROUNDS, rows, machine: machine() }, null, 1)}\n`,
  )
}

function measure({ name, rate }) {
  const env = { ...process.env, HOLDFAST_BENCH_CANDIDATE: name, HOLDFAST_BENCH_RATE: String(rate) }
  const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url)], { encoding: 'utf8', env })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}
