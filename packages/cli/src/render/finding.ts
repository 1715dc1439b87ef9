import type { Finding, Measurement, Verdict, Verification } from 'holdfast/core'
import type { Terminal, TextStyle } from '../terminal.ts'
import { formatCount, formatMs, formatPercent } from './measure.ts'

/** One line of a finding for a list. */
export function findingLine(finding: Finding, terminal: Terminal): string {
  const { evidence } = finding
  if (evidence.of === 'object') {
    const [first] = evidence.figures ?? []
    return `${terminal.paint('yellow', '●')} ${terminal.paint('bold', finding.id)} ${finding.state.padEnd(8)} ${finding.title} · ${finding.severity ?? ''} · ${first?.name}: ${first?.value}`
  }
  const share = `${formatPercent(evidence.shareOfTime)} of statement time, ${formatMs(evidence.before.meanMs)} × ${formatCount(evidence.before.sampleCount)} calls`
  return `${terminal.paint('yellow', '●')} ${terminal.paint('bold', finding.id)} ${finding.state.padEnd(8)} ${finding.title} · ${share}`
}

const VERDICT_STYLE: Readonly<Record<Verdict, readonly [TextStyle, string]>> = {
  fixed: ['green', '✓'],
  'no effect': ['yellow', '○'],
  regressed: ['red', '✗'],
  undecided: ['dim', '…'],
}

/** The verdict with its numbers, one line. */
export function verdictLine(verification: Verification, terminal: Terminal): string {
  const [style, sign] = VERDICT_STYLE[verification.verdict]
  const { before, after } = verification
  const numbers = `mean ${formatMs(before.meanMs)} (n ${formatCount(before.sampleCount)}) → ${formatMs(after.meanMs)} (n ${formatCount(after.sampleCount)})`
  return `${terminal.paint(style, `${sign} ${verification.verdict.toUpperCase()}`)}  ${numbers} · ${verification.why}`
}

/** What, Evidence, Do, Proof, History: the finding whole, as lines. */
export function findingPage(finding: Finding, terminal: Terminal): string[] {
  const { evidence, recommendation, verification } = finding
  const heading = (text: string): string => terminal.paint('bold', text)
  const lines = [
    `${heading(finding.id)} ${finding.rule} · ${finding.state}${finding.severity === undefined ? '' : ` · ${finding.severity}`}`,
    '',
    heading('What'),
    `  ${finding.title}`,
    '',
    heading(`Evidence (${evidence.tier})`),
    ...indent(evidence.statement),
  ]
  if (evidence.of !== 'object') lines.push(`  ${measurementText(evidence.before)} · ${formatPercent(evidence.shareOfTime)} of statement time`)
  for (const { name, value } of evidence.figures ?? []) lines.push(`  ${name}: ${value}`)
  if (evidence.trial !== undefined) {
    lines.push(`  on a copy: ${formatMs(evidence.trial.before.meanMs)} → ${formatMs(evidence.trial.after.meanMs)} (${evidence.trial.note})`)
  }
  if (evidence.planBefore !== undefined) lines.push('  plan now:', ...indent(evidence.planBefore, 4))
  if (evidence.planAfter !== undefined) lines.push('  plan with the change:', ...indent(evidence.planAfter, 4))
  lines.push(
    '',
    heading('Do'),
    `  ${recommendation.summary}`,
    ...recommendation.sql.flatMap(sql => indent(`${sql};`)),
    `  cost: ${recommendation.costNote}`,
    `  locks: ${recommendation.lockNote}`,
    `  risk: ${recommendation.risk}${recommendation.confidence === undefined ? '' : `, confidence: ${recommendation.confidence}`}`,
  )
  if (recommendation.manual !== undefined) lines.push(`  not applied by Holdfast: ${recommendation.manual}`)
  if (verification !== undefined) lines.push('', heading('Proof'), `  ${verdictLine(verification, terminal)}`)
  if (verification?.revertOffered) lines.push(`  revert: holdfast revert ${finding.id}`)
  lines.push('', heading('History'), ...finding.history.map(event => `  ${new Date(event.atMs).toISOString()} ${event.state}: ${event.note}`))
  return lines
}

function measurementText(measurement: Measurement): string {
  const rows = measurement.rowsReadPerRow === undefined ? '' : `, ${formatCount(measurement.rowsReadPerRow)} rows read for each row returned`
  return `mean ${formatMs(measurement.meanMs)} × ${formatCount(measurement.sampleCount)} calls in ${Math.round(measurement.windowMs / 1000)} s${rows}`
}

function indent(text: string, by = 2): string[] {
  return text.split('\n').map(line => `${' '.repeat(by)}${line}`)
}
