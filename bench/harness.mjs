// Runs candidates against each other: a fresh process for each measurement, interleaved, with the interval of the ratio.
// A bench calls `bench({...})` at its end; see bench/telemetry/what-does-a-record-cost.bench.mjs for one.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const DEFAULT_ROUNDS = 7
/** After so long no further round begins, so that a busy machine gives fewer rounds and not none. */
export const ROUNDS_LIMIT_MS = 45_000
/** A candidate that takes longer hangs. */
const RUN_LIMIT_MS = 60_000
const BOOTSTRAP_REPEATS = 2000

/**
 * @param {object} options
 * @param {string} options.url import.meta.url of the bench; its file name is the question
 * @param {string} options.unit of the figures, for example 'ns per record'
 * @param {string} options.baseline name of the candidate that the others are divided by: the peer or the physical limit
 * @param {Record<string, { check: () => unknown, run: () => number | Promise<number> }>} options.candidates `check` throws when the candidate is wrong: then no figure is printed
 * @param {{ candidate: string, atMost: number, why: string }[]} [options.claims] ratios to the baseline that are promised somewhere
 * @param {{ name: string, why: string }[]} [options.leftOut] who is not there, and why
 * @param {number} [options.rounds] default 7; HOLDFAST_BENCH_ROUNDS goes before it
 */
export async function bench(options) {
  const { url, candidates } = options
  const rounds = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? options.rounds ?? DEFAULT_ROUNDS)
  const mine = process.env.HOLDFAST_BENCH_CANDIDATE
  if (mine !== undefined) {
    const candidate = candidates[mine]
    await candidate.check()
    const figure = await candidate.run()
    // What a library leaves open must not keep the process.
    process.stdout.write(`\n${JSON.stringify(figure)}\n`, () => process.exit(0))
    return
  }
  const file = fileURLToPath(url)
  const names = Object.keys(candidates)
  const figures = Object.fromEntries(names.map(name => [name, []]))
  const startedAt = performance.now()
  let done = 0
  for (; done < rounds && (done < 2 || performance.now() - startedAt < ROUNDS_LIMIT_MS); done++) {
    // Every other round backwards, so that a drift of the machine falls on all alike.
    for (const name of done % 2 === 0 ? names : names.toReversed()) figures[name].push(measure(file, name))
  }
  report(file, { ...options, rounds: done }, figures)
}

function measure(file, name) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', file], {
    encoding: 'utf8',
    timeout: RUN_LIMIT_MS,
    env: { ...process.env, HOLDFAST_BENCH_CANDIDATE: name },
  })
  if (status !== 0) throw new Error(`${name} failed its check or its run, so there are no figures:\n${stderr}`)
  return Number(stdout.trim().split('\n').at(-1))
}

function report(file, { unit, baseline, claims = [], leftOut = [], rounds }, figures) {
  const rows = Object.entries(figures).map(([name, values]) => ({ name, median: median(values), ...ratioInterval(values, figures[baseline]) }))
  console.log(
    `${basename(file, '.bench.mjs').replaceAll('-', ' ')}? (${unit}; ${rounds} rounds, a process each; ratio to "${baseline}" with its 95 % interval)`,
  )
  for (const row of rows)
    console.log(
      `  ${row.name.padEnd(34)} ${row.median.toFixed(2).padStart(10)}   x ${row.ratio.toFixed(2)} (${row.low.toFixed(2)} to ${row.high.toFixed(2)})`,
    )
  for (const { name, why } of leftOut) console.log(`  left out: ${name}: ${why}`)
  const verdicts = claims.map(claim => ({ ...claim, measured: rows.find(row => row.name === claim.candidate).ratio }))
  for (const { candidate, atMost, measured, why } of verdicts)
    console.log(`  ${measured <= atMost ? 'holds' : 'FAILS'}: ${candidate} at most x ${atMost} (${why})`)
  const area = basename(dirname(file))
  const out = join(dirname(file), '..', 'results', area, `${basename(file, '.bench.mjs')}.json`)
  mkdirSync(dirname(out), { recursive: true })
  writeFileSync(
    out,
    `${JSON.stringify({ question: basename(file, '.bench.mjs'), unit, baseline, rounds, rows, claims: verdicts, leftOut, figures, machine: machine() }, null, 1)}\n`,
  )
  console.log(`  written: ${relative(process.cwd(), out)}`)
  if (verdicts.some(({ measured, atMost }) => measured > atMost)) process.exitCode = 1
}

/** Taken when the bench starts: how much else the machine had to do. */
const loadPerCore = Number((loadavg()[0] / cpus().length).toFixed(1))

/** Where a figure comes from. */
export function machine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    loadPerCore,
  }
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Ratio of the medians and its interval, by resampling rounds (pairs of the same round, so that a slow moment cancels out). */
export function ratioInterval(values, base) {
  const random = seeded(1)
  const ratios = []
  for (let i = 0; i < BOOTSTRAP_REPEATS; i++) {
    const picks = values.map(() => Math.floor(random() * values.length))
    ratios.push(median(picks.map(pick => values[pick])) / median(picks.map(pick => base[pick])))
  }
  ratios.sort((a, b) => a - b)
  return {
    ratio: median(values) / median(base),
    low: ratios[Math.floor(BOOTSTRAP_REPEATS * 0.025)],
    high: ratios[Math.floor(BOOTSTRAP_REPEATS * 0.975)],
  }
}

/** The median of figures of several processes, and its 95 % interval by drawing processes again and again. */
export function medianInterval(values) {
  const random = seeded(1)
  const medians = []
  for (let i = 0; i < BOOTSTRAP_REPEATS; i++) medians.push(median(values.map(() => values[Math.floor(random() * values.length)])))
  medians.sort((a, b) => a - b)
  return { median: median(values), low: medians[Math.floor(BOOTSTRAP_REPEATS * 0.025)], high: medians[Math.floor(BOOTSTRAP_REPEATS * 0.975)] }
}

/** Numbers from 0 to 1, the same ones for the same seed. */
export function seeded(seed) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
