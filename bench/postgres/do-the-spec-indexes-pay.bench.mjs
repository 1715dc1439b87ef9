// The claim: the indexes and views of the five example systems pay. Each is filled at the size `real` (about a million rows in its largest table); every statement of
// its service runs with hot and rare parameters over the bare tables, then with the indexes and views, and must answer the same rows. The figures stand beside the
// reference figures of the system's page. All indexes are there while plans are looked at, those that were left out too: a plan must read each that is kept, and
// none may read one that was left out as useless. HOLDFAST_BENCH_PAGES=clearway,leads runs some, HOLDFAST_BENCH_SIZE=small checks the bench itself.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startServices } from '@holdfast/dev-services'
import { dropPlainIndexes, fillExample, readExampleData } from '@holdfast/testkit'
import { seedLeads } from '@holdfast-examples/leads'
import pg from 'pg'
import { machine } from '../harness.mjs'
import { holds } from '../table.mjs'

const SIZE = process.env.HOLDFAST_BENCH_SIZE ?? 'real'
const PAGES = (process.env.HOLDFAST_BENCH_PAGES ?? 'clearway,studio-hub,hasivu,leads,mastery').split(',')
/** A run longer than this is not repeated: nothing of interest hides behind its noise. */
const LONG_MS = 400
const RUNS = 3

/** What the pages give, in ms before and after. A group is the statements whose name begins with the word. */
const REFERENCES = {
  hasivu: { user: [300, 50], order: [400, 60], payment: [250, 40] },
  mastery: { patterns: [2100, 350], missions: [3200, 280], dashboard: [4800, 450], predictions: [1900, 220] },
  'studio-hub': { '': [10, 1] },
}
const folderOf = page => fileURLToPath(new URL(`../../examples/${page}/data`, import.meta.url))

const columns = [
  { key: 'beforeMs', title: 'before, ms', digits: 2 },
  { key: 'afterMs', title: 'after, ms', digits: 2 },
  { key: 'ratio', title: 'after / before', digits: 3 },
  { key: 'reference', title: "the page's figures" },
  { key: 'indexes', title: 'indexes read after' },
]
const rows = []
const claims = []
const leftOut = []
const services = await startServices({ only: ['postgres'], durable: false, onProgress: line => console.error(line) })
try {
  for (const page of PAGES) await benchPage(page)
} finally {
  await services.stop()
}
report()

async function benchPage(page) {
  const data = await readExampleData(folderOf(page))
  await onFreshDatabase(`spec_${page.replace('-', '_')}`, async client => {
    const send = text => client.query(text)
    const startedMs = performance.now()
    if (page === 'leads') await seedLeads(send, { size: SIZE })
    else await fillExample(send, data, SIZE)
    await dropPlainIndexes(send)
    await send("set timezone = 'UTC'; set jit = off")
    console.error(`${page}: filled in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`)
    const before = await runAll(client, data, false)
    for (const { sql } of data.indexes) await send(sql)
    for (const view of data.views) await send(view)
    await send('vacuum (analyze)')
    const after = await runAll(client, data, true)
    for (const [name, { answer }] of before)
      if (after.get(name).answer !== answer) throw new Error(`${page}: ${name} answers other rows with indexes`)
    for (const { sql } of data.leftOut) await send(sql)
    await send('analyze')
    const readers = await readByPlans(client, data)
    note(page, data, before, after, readers, await whileThere(client, data, after, readers))
  })
  console.error(`${page}: done`)
}

/** Best times of every statement over its sets, and a text of its rows. */
async function runAll(client, data, views) {
  const figures = new Map()
  for (const statement of data.statements) {
    const text = views && statement.view !== undefined ? statement.view : statement.text
    const sets = await setsOf(client, statement)
    let sumMs = 0
    const answers = []
    const used = new Set()
    for (const set of sets) {
      const { ms, answer } = await best(client, text, set)
      sumMs += ms
      answers.push(answer)
      for (const name of await indexesIn(client, text, set)) used.add(name)
    }
    figures.set(statement.name, { ms: sumMs / sets.length, answer: JSON.stringify(answers), used })
  }
  return figures
}

async function best(client, text, set) {
  let ms = Number.POSITIVE_INFINITY
  let answer
  for (let run = 0; run < RUNS && !(ms > LONG_MS && run > 0); run++) {
    const startedMs = performance.now()
    answer = (await client.query({ text, values: set, rowMode: 'array' })).rows
    ms = Math.min(ms, performance.now() - startedMs)
  }
  return { ms, answer }
}

async function setsOf(client, { values }) {
  return values === undefined ? [[]] : (await client.query({ text: values, rowMode: 'array' })).rows
}

async function indexesIn(client, text, set) {
  const { rows: plan } = await client.query({ text: `explain (format json) ${text}`, values: set })
  return [...JSON.stringify(plan).matchAll(/"Index Name":"(\w+)"/g)].map(([, name]) => name)
}

/** Index name to the statements whose plans read it. */
async function readByPlans(client, data) {
  const readers = new Map()
  for (const statement of data.statements) {
    for (const set of await setsOf(client, statement)) {
      for (const name of await indexesIn(client, statement.view ?? statement.text, set))
        readers.set(name, (readers.get(name) ?? new Set()).add(statement.name))
    }
  }
  return readers
}

/** Statements that read an index that was left out, with what they then take, by what they took without it. */
async function whileThere(client, data, after, readers) {
  const ratios = new Map()
  for (const name of new Set(data.leftOut.flatMap(index => [...(readers.get(index.name) ?? [])]))) {
    const again = await runAll(client, { statements: data.statements.filter(statement => statement.name === name) }, true)
    ratios.set(name, again.get(name).ms / after.get(name).ms)
  }
  return ratios
}

function note(page, data, before, after, readers, ratios) {
  const names = data.statements.map(({ name }) => name)
  const keptUnread = data.indexes.filter(({ name }) => !names.some(statement => after.get(statement).used.has(name))).map(({ name }) => name)
  const total = row(before, after, names)
  const afterMs = names.map(name => after.get(name).ms).sort((a, b) => a - b)
  const p95Ms = afterMs[Math.ceil(afterMs.length * 0.95) - 1]
  rows.push({
    name: `**${page}**, mean of ${names.length} statements`,
    values: {
      ...total,
      reference: `statements p95 < 100 ms: ${p95Ms.toFixed(1)} ms`,
      indexes: `${data.indexes.length - keptUnread.length} of ${data.indexes.length}`,
      keptUnread: keptUnread.length,
      p95Ms,
    },
  })
  claims.push({ candidate: rows.at(-1).name, column: 'ratio', atMost: 0.2, measured: total.ratio })
  for (const [group, [beforeMs, afterMs]] of Object.entries(REFERENCES[page] ?? {})) {
    const mine = names.filter(name => name === group || name.startsWith(group === '' ? '' : `${group}-`))
    const values = {
      ...row(before, after, mine),
      reference: group === '' ? 'lists and dashboards 10 x faster' : `${beforeMs} to ${afterMs} ms: ${(afterMs / beforeMs).toFixed(3)}`,
      indexes: '',
    }
    rows.push({ name: group === '' ? `${page}, lists and dashboards` : `${page}, ${group} statements`, values })
    claims.push({ candidate: rows.at(-1).name, column: 'ratio', atMost: Number((afterMs / beforeMs).toFixed(3)), measured: values.ratio })
  }
  for (const name of names)
    rows.push({ name: `${page}: ${name}`, values: { ...row(before, after, [name]), reference: null, indexes: [...after.get(name).used].join(', ') } })
  for (const name of keptUnread) leftOut.push({ name: `${page}: ${name}`, why: 'kept, and no plan at this size reads it' })
  for (const { name } of data.leftOut) {
    const readBy = [...(readers.get(name) ?? [])].map(statement => `${statement}, which then takes x ${ratios.get(statement).toFixed(2)}`)
    const why = readBy.length > 0 ? `read by ${readBy.join(' and ')}` : 'no plan reads it'
    leftOut.push({ name: `${page}: ${name}`, why })
  }
}

function row(before, after, names) {
  const mean = figures => names.reduce((sum, name) => sum + figures.get(name).ms, 0) / names.length
  return { beforeMs: mean(before), afterMs: mean(after), ratio: mean(after) / mean(before) }
}

async function onFreshDatabase(name, work) {
  const admin = new pg.Client({ connectionString: services.postgres.url })
  await admin.connect()
  const url = new URL(services.postgres.url)
  url.pathname = `/${name}`
  await admin.query(`drop database if exists ${name} with (force)`)
  await admin.query(`create database ${name}`)
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
  }
}

function report() {
  for (const { name, values } of rows)
    console.log(
      `${name.padEnd(50)} ${values.beforeMs.toFixed(2).padStart(10)} ${values.afterMs.toFixed(2).padStart(10)}  x ${values.ratio.toFixed(3)}  ${values.reference ?? ''} ${values.indexes}`,
    )
  for (const { name, why } of leftOut) console.log(`  ${name}: ${why}`)
  for (const claim of claims)
    console.log(`  ${holds(claim) ? 'holds' : 'FAILS'}: ${claim.candidate}: at most x ${claim.atMost}, measured x ${claim.measured.toFixed(3)}`)
  if (!claims.every(holds)) process.exitCode = 1
  if (SIZE !== 'real') return
  const about =
    'every statement with hot and rare parameters, best of three runs each, over the bare tables and with the indexes and views of its system'
  const folder = new URL('../results/postgres/', import.meta.url)
  const file = new URL('do-the-spec-indexes-pay.json', folder)
  // A page that was not run keeps its figures: each page is a comparison of its own.
  const known = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { rows: [], claims: [], leftOut: [] }
  const isKept = name => !PAGES.some(page => name.startsWith(`**${page}**`) || name.startsWith(`${page},`) || name.startsWith(`${page}:`))
  const merged = {
    rows: [...known.rows.filter(({ name }) => isKept(name)), ...rows],
    claims: [...known.claims.filter(({ candidate }) => isKept(candidate)), ...claims],
    leftOut: [...known.leftOut.filter(({ name }) => isKept(name)), ...leftOut],
  }
  const content = {
    question: 'do-the-spec-indexes-pay',
    about,
    columns,
    rounds: 1,
    ...merged,
    postgresVersion: services.postgres.version,
    machine: machine(),
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, `${JSON.stringify(content, null, 1)}\n`)
}
