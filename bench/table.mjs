// As harness.mjs, for questions with several figures to an answer: every run gives one figure for each column, and a row is their medians.
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { machine, median, ROUNDS_LIMIT_MS } from './harness.mjs'

/** A candidate that hangs is an answer too, but it may not hold up the others. */
const RUN_LIMIT_MS = 60_000

/**
 * Figures are numbers, booleans or short texts; `null` prints as `-`. Numbers become the median of the rounds, others the list of what was seen.
 * @param {object} options
 * @param {string} options.url import.meta.url of the bench; its file name is the question
 * @param {string} options.about what was done, in one sentence
 * @param {{ key: string, title: string, digits?: number, take?: 'max' | 'min' }[]} options.columns `take` instead of the median
 * @param {Record<string, () => Promise<Record<string, unknown>>>} options.candidates each throws when the candidate is wrong: then no figure is printed
 * @param {{ candidate: string, column: string, atMost?: number, atLeast?: number, is?: unknown, why?: string }[]} [options.claims]
 * @param {{ name: string, why: string }[]} [options.leftOut] who is not there, and why
 * @param {number} [options.rounds] default 1; HOLDFAST_BENCH_ROUNDS goes before it
 * @param {boolean} [options.transposed] prints candidates side by side and columns below each other
 * @param {string[]} [options.nodeOptions]
 * @param {(rows: Map<string, Record<string, unknown>>) => void} [options.derive] adds columns that need other rows, such as ratios
 */
export async function benchTable(options) {
  const { url, candidates, nodeOptions = ['--expose-gc'] } = options
  const mine = process.env.HOLDFAST_BENCH_CANDIDATE
  if (mine !== undefined) {
    const figures = await candidates[mine]()
    // What a library leaves open must not keep the process.
    process.stdout.write(`\n${JSON.stringify(figures)}\n`, () => process.exit(0))
    return
  }
  const file = fileURLToPath(url)
  const rounds = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? options.rounds ?? 1)
  const names = Object.keys(candidates)
  const figures = Object.fromEntries(names.map(name => [name, []]))
  const startedAt = performance.now()
  let done = 0
  for (; done < rounds && (done < 1 || performance.now() - startedAt < ROUNDS_LIMIT_MS); done++) {
    // Every other round backwards, so that a drift of the machine falls on all alike.
    for (const name of done % 2 === 0 ? names : names.toReversed()) figures[name].push(await measure(file, name, nodeOptions))
  }
  report(file, { ...options, rounds: done }, figures)
}

async function measure(file, name, nodeOptions) {
  const child = spawn(process.execPath, [...nodeOptions, file], { env: { ...process.env, HOLDFAST_BENCH_CANDIDATE: name } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => (stdout += chunk))
  child.stderr.on('data', chunk => (stderr = `${stderr}${chunk}`.slice(-4000)))
  const timer = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT_MS)
  const code = await new Promise(resolve => child.on('close', resolve))
  clearTimeout(timer)
  if (code !== 0) throw new Error(`${name} failed its check or its run (exit ${code}), so there are no figures:\n${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1))
}

function report(file, { about, columns, claims = [], leftOut = [], rounds, transposed = false, derive }, figures) {
  const byName = new Map(Object.entries(figures).map(([name, runs]) => [name, summary(columns, runs)]))
  derive?.(byName)
  const rows = [...byName].map(([name, values]) => ({ name, values }))
  reportTable(file, { about, columns, claims, leftOut, rounds, transposed, rows, figures })
}

/** Prints a table and its claims, writes both where the page of benches reads them, and sets the exit code to 1 when a claim fails. For benches that measure by
 *  themselves. @param {string} file path or URL of the bench */
export function reportTable(file, { about, columns, claims = [], leftOut = [], rounds = 1, transposed = false, rows, figures }) {
  const path = file.startsWith('file:') ? fileURLToPath(file) : file
  const question = basename(path, '.bench.mjs')
  console.log(`${question.replaceAll('-', ' ')}? (${about}; ${rounds === 1 ? 'one round' : `medians of ${rounds} rounds`}, a process each)`)
  for (const line of table(columns, rows, transposed)) console.log(`  ${line}`)
  for (const { name, why } of leftOut) console.log(`  left out: ${name}: ${why}`)
  const verdicts = claims.map(claim => ({ ...claim, measured: rows.find(row => row.name === claim.candidate).values[claim.column] }))
  for (const verdict of verdicts) console.log(`  ${holds(verdict) ? 'holds' : 'FAILS'}: ${sentence(verdict, columns)}`)
  const out = join(dirname(path), '..', 'results', basename(dirname(path)), `${question}.json`)
  mkdirSync(dirname(out), { recursive: true })
  const content = { question, about, columns, transposed, rounds, rows, claims: verdicts, leftOut, figures, machine: machine() }
  writeFileSync(out, `${JSON.stringify(content, null, 1)}\n`)
  console.log(`  written: ${relative(process.cwd(), out)}`)
  if (!verdicts.every(holds)) process.exitCode = 1
}

function summary(columns, runs) {
  return Object.fromEntries(
    columns.map(({ key, take }) => {
      const values = runs.map(run => run[key] ?? null)
      if (take !== undefined && values.every(value => typeof value === 'number')) return [key, Math[take](...values)]
      if (values.every(value => typeof value === 'number')) return [key, median(values)]
      return [key, [...new Set(values)].length === 1 ? values[0] : values.join(', ')]
    }),
  )
}

function table(columns, rows, transposed) {
  const cells = tableCells({ columns, rows, transposed })
  const widths = cells[0].map((_, at) => Math.max(...cells.map(line => line[at].length)))
  return cells.map(line => line.map((text, at) => (at === 0 ? text.padEnd(widths[at]) : text.padStart(widths[at]))).join('   '))
}

/** The texts of a table, its head first. */
export function tableCells({ columns, rows, transposed }) {
  const cells = [['', ...columns.map(column => column.title)], ...rows.map(row => [row.name, ...columns.map(column => cell(column, row.values))])]
  return transposed ? cells[0].map((_, at) => cells.map(line => line[at])) : cells
}

/** One figure as it is printed. */
function cell({ key, digits = 0 }, values) {
  const value = values[key]
  if (value === null || value === undefined) return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'number' ? value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }) : String(value)
}

/** Whether what was measured keeps the promise. */
export function holds({ measured, atMost, atLeast, is }) {
  if (is !== undefined) return measured === is
  return typeof measured === 'number' && (atMost === undefined || measured <= atMost) && (atLeast === undefined || measured >= atLeast)
}

function sentence({ candidate, column, atMost, atLeast, is, why }, columns) {
  const { title } = columns.find(({ key }) => key === column)
  const limit = is !== undefined ? `is ${is}` : atMost !== undefined ? `at most ${atMost}` : `at least ${atLeast}`
  return `${candidate}, ${title}: ${limit}${why === undefined ? '' : ` (${why})`}`
}
