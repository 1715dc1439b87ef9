// Writes bench/README.md from the results: node scripts/render-bench-tables.mjs
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { holds, tableCells } from '../bench/table.mjs'
import { projectFiles, readProjectFile, root } from './workspace.mjs'

/** The page as Markdown. */
export function renderBenchTables() {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'bench/package.json'), 'utf8'))
  const versions = ['bentocache', 'cacheable', 'cache-manager', 'layered-loader'].map(name => `${name} ${devDependencies[name]}`)
  const files = projectFiles(path => /^bench\/results\/.*\.json$/.test(path)).sort()
  const lines = [
    '# Benches',
    '',
    'One question a file. Each bench first asserts that a candidate is right, else it prints no figure; every measurement has a process of its own; candidates take',
    'turns. Figures belong to the machine and to how busy it was (the load is noted): compare ratios of one run, never figures of two. Run one with',
    '`npm run build && node bench/<area>/<question>.bench.mjs`; it prints its table and writes its result, and ends with 1 when a promise is broken.',
    '`HOLDFAST_BENCH_ROUNDS` sets how often each candidate runs; a slow machine gets fewer rounds. With a load above 1 a core, figures in time are those of a busy',
    'machine: ratios are wide, and limits in milliseconds are missed by whoever waits for the processor.',
    '',
    `Peers: ${versions.join(', ')} (the last of each that allows Node 20), with their defaults. They are installed for this folder only.`,
    'cacheable and cache-manager reach Redis through `@keyv/redis`, cacheable tells other processes of changes through `@qified/redis`.',
    '',
    'This page is generated from the results (`node scripts/render-bench-tables.mjs`).',
  ]
  let area
  for (const file of files) {
    const mine = basename(dirname(file))
    if (mine !== area) lines.push('', `## ${mine}`)
    area = mine
    lines.push('', ...section(file, JSON.parse(readProjectFile(file))))
  }
  return `${lines.join('\n')}\n`
}

function section(file, result) {
  const { question, machine } = result
  const bench = `${basename(dirname(file))}/${question}.bench.mjs`
  const title = question.replaceAll('-', ' ')
  return [
    `### ${title[0].toUpperCase()}${title.slice(1)}?`,
    '',
    ...(result.columns !== undefined ? tableSection(result) : result.baseline !== undefined ? ratioSection(result) : rowSection(result)),
    `[bench](${bench}), [result](results/${basename(dirname(file))}/${basename(file)})${machine === undefined ? '' : `, ${machineText(machine)}`}`,
  ]
}

function tableSection(result) {
  const claims = result.claims.map(claim => `${holds(claim) ? 'holds' : '**fails**'}: ${claimText(claim, result.columns)}`)
  return [`${sentence(result.about)} ${roundsText(result.rounds)}.`, '', ...table(tableCells(result)), '', ...notes(result, claims)]
}

function claimText({ candidate, column, atMost, atLeast, is }, columns) {
  const limit = is !== undefined ? (is === true ? 'yes' : String(is)) : atMost !== undefined ? `at most ${atMost}` : `at least ${atLeast}`
  return `${candidate}, ${columns.find(({ key }) => key === column).title}: ${limit}`
}

function ratioSection(result) {
  const head = ['', result.unit, `ratio to "${result.baseline}"`, '95 % interval']
  const rows = result.rows.map(({ name, median, ratio, low, high }) => [
    name,
    figure(median),
    ratio.toFixed(2),
    `${low.toFixed(2)} to ${high.toFixed(2)}`,
  ])
  const claims = (result.claims ?? []).map(
    ({ candidate, atMost, measured }) => `${measured <= atMost ? 'holds' : '**fails**'}: ${candidate} at most x ${atMost}`,
  )
  return [`${roundsText(result.rounds)}.`, '', ...table([head, ...rows]), '', ...notes(result, claims)]
}

/** A result of a shape of its own: rows with names, whose other figures are named by their keys. */
function rowSection({ rounds, turns, rows, claims = [], verdict }) {
  const isCell = value => typeof value === 'number' || typeof value === 'string'
  const keys = [...new Set(rows.flatMap(row => Object.keys(row).filter(key => isCell(row[key]))))].filter(
    key => !['name', 'figure', 'unit'].includes(key),
  )
  const cell = value =>
    typeof value === 'number' ? (value < 0.1 ? String(Number(value.toPrecision(2))) : figure(value)) : isCell(value) ? value : '-'
  const cells = rows.map(row => [row.name ?? row.unit, ...keys.map(key => cell(row[key]))])
  const said = verdict === undefined ? [] : [`- ${verdict}`]
  const held = claims.map(({ holds: isHeld, what }) => `- ${isHeld ? 'holds' : '**fails**'}: ${what}`)
  const times = rounds ?? turns
  const about = times === undefined ? [] : [`${roundsText(times)}.`, '']
  return [...about, ...table([['', ...keys.map(titleOf)], ...cells]), '', ...said, ...held, ...(said.length + held.length > 0 ? [''] : [])]
}

/** lateP99Ms: late p99, ms. */
function titleOf(key) {
  const [, name, unit] = /^(.*?)(Ms|Us)?$/.exec(key)
  return name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase() + (unit === undefined ? '' : `, ${unit.toLowerCase()}`)
}

/** Promises that all hold are counted, so that a broken one is seen. */
function notes({ leftOut = [] }, claims) {
  const broken = claims.filter(claim => claim.startsWith('**'))
  const lines = leftOut.map(({ name, why }) => `- left out: ${name}: ${why}`)
  if (claims.length > 8) lines.push(`- ${claims.length - broken.length} of ${claims.length} promises hold`, ...broken.map(claim => `- ${claim}`))
  else lines.push(...claims.map(claim => `- ${claim}`))
  return lines.length === 0 ? [] : [...lines, '']
}

function table([head, ...rows]) {
  const line = cells => `| ${cells.map(text => text.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${head.map((_, at) => (at === 0 ? '---|' : '---:|')).join('')}`, ...rows.map(line)]
}

const figure = value => value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 2 : 0 })
const roundsText = rounds => (rounds === 1 ? 'One round' : `Medians of ${rounds} rounds`)
const sentence = text => `${text[0].toUpperCase()}${text.slice(1)}.`

function machineText({ cpu, cores, node, loadPerCore }) {
  return `${cpu}, ${cores} cores, Node ${node}${loadPerCore === undefined ? '' : `, load before the run ${loadPerCore} a core`}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(join(root, 'bench/README.md'), renderBenchTables())
