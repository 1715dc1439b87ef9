import type { PlanAdvice, PlanTreeNode, StatementAnalysis } from 'holdfast/postgres'
import type { Terminal } from '../terminal.ts'
import { formatCount, formatMs, formatPercent } from './measure.ts'

/** The plan as a tree, its worst node, and what would help, as lines. */
export function analysisPage(analysis: StatementAnalysis, terminal: Terminal): string[] {
  const heading = (text: string): string => terminal.paint('bold', text)
  return [
    heading('Statement'),
    ...analysis.statement.split('\n').map(line => `  ${line}`),
    '',
    heading(planHeading(analysis)),
    ...treeLines(analysis.plan, '  ', analysis.worstNode, terminal),
    '',
    `${heading('Worst')}  ${analysis.worst}`,
    '',
    heading('What would help'),
    ...(analysis.advice.length === 0 ? ['  nothing: the plan is fine as it is'] : analysis.advice.flatMap(adviceLines)),
    ...analysis.notes.map(note => terminal.paint('dim', `  note: ${note}`)),
  ]
}

function planHeading({ measured, plannedFor, executionMs, planningMs, runs }: StatementAnalysis): string {
  const values = {
    given: '',
    observed: '',
    generic: ', for any parameters',
    typical: ', typical values',
    frequent: ', frequent values',
    rare: ', rare values',
  }[plannedFor]
  if (!measured) return `Plan (not run${values})`
  const others = runs.length < 2 ? '' : `; runs: ${runs.map(run => `${run.plannedFor} ${formatMs(run.executionMs)}`).join(', ')}`
  return `Plan (run in ${formatMs(executionMs ?? 0)}, planned in ${formatMs(planningMs ?? 0)}${values}${others})`
}

function treeLines(node: PlanTreeNode, indent: string, worst: number, terminal: Terminal): string[] {
  const where = [node.index === undefined ? '' : ` using ${node.index}`, node.table === undefined ? '' : ` on ${node.table}`].join('')
  const mark = node.id === worst ? terminal.paint('yellow', '  ← worst') : ''
  const time = node.selfMs === undefined ? '' : `${formatMs(node.selfMs)}, `
  const lines = [`${indent}${terminal.paint('bold', node.type)}${where}  ${time}${formatPercent(node.share)}  ${rowsText(node)}${mark}`]
  const inner = `${indent}    `
  for (const condition of node.conditions) lines.push(terminal.paint('dim', `${inner}${condition}`))
  const figures = figuresOf(node)
  if (figures !== '') lines.push(terminal.paint('dim', `${inner}${figures}`))
  for (const child of node.children) lines.push(...treeLines(child, `${indent}  `, worst, terminal))
  return lines
}

function rowsText({ actualRows, estimatedRows, offBy, loops }: PlanTreeNode): string {
  if (actualRows === undefined) return `about ${formatCount(estimatedRows)} rows`
  if (loops === 0) return 'never run'
  const off = offBy !== undefined && offBy >= 10 ? `, off by × ${formatCount(offBy)}` : ''
  const times = loops !== undefined && loops > 1 ? ` in ${formatCount(loops)} loops` : ''
  return `${formatCount(actualRows)} rows${times} (${formatCount(estimatedRows)} expected${off})`
}

function figuresOf({ removedRows, blocks, spill }: PlanTreeNode): string {
  const parts: string[] = []
  if (removedRows !== undefined) parts.push(`${formatCount(removedRows)} rows thrown away`)
  if (blocks !== undefined && blocks.hit + blocks.read > 0)
    parts.push(`blocks: ${formatCount(blocks.hit)} in memory, ${formatCount(blocks.read)} read`)
  if (spill !== undefined) parts.push(`${formatCount(spill.diskKb)} kB on disk for lack of work_mem`)
  return parts.join(' · ')
}

function adviceLines({ kind, summary, sql, gain }: PlanAdvice): string[] {
  const by =
    gain === undefined
      ? 'how much it helps shows only afterwards'
      : `time × ${gain.ratio.toFixed(gain.ratio < 0.1 ? 3 : 2)} (${gain.tier}): ${gain.basis}`
  return [`  ${kind}: ${summary}`, ...sql.map(statement => `    ${statement};`), `    ${by}`]
}
