import type { RunComparison } from './compare.ts'

/** A comparison as text for a terminal or a log. An invalid one shows its reasons and no figures. */
export function renderComparison(comparison: RunComparison): string {
  const { before, after, verdict, reasons, percentile, confidence, rows } = comparison
  const head = `${before.scenario} (${before.requestCount} requests) -> ${after.scenario} (${after.requestCount} requests)`
  if (verdict === 'invalid') return [head, 'cannot be compared:', ...reasons.map(reason => `  - ${reason}`)].join('\n')
  const percent = `${Number((100 * confidence).toFixed(2))} %`
  const table = [
    ['', 'before', 'after', 'ratio', `${percent} interval`, ''],
    ...rows.map(row => [
      row.percentile,
      `${row.beforeMs} ms`,
      `${row.afterMs} ms`,
      `${row.ratio}x`,
      `${row.interval[0]} to ${row.interval[1]}`,
      row.verdict,
    ]),
  ]
  return [head, ...alignColumns(table), `verdict (${percentile}): ${verdict === 'same' ? 'no difference beyond the noise' : verdict}`].join('\n')
}

function alignColumns(table: readonly (readonly string[])[]): string[] {
  const widths = table[0]!.map((_, column) => Math.max(...table.map(row => row[column]!.length)))
  return table.map(row => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd())
}
