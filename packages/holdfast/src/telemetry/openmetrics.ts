import { bucketUpperBound, type HistogramSnapshot } from './histogram.ts'
import type { FamilySnapshot, SeriesSnapshot } from './registry.ts'

/** Content type of {@link renderOpenMetrics}. @source OpenMetrics 1.0, section "Text format" */
export const OPEN_METRICS_CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** Buckets of a rendered histogram: 1, 2, 5 steps in the base unit. Scrapers pay for each bucket of each series, so the fine buckets stay inside;
 *  edges between fine buckets are honest to less than 1 %. */
const RENDERED_BOUNDS: readonly number[] = [-4, -3, -2, -1, 0, 1].flatMap(exponent => [1, 2, 5].map(step => Number(`${step}e${exponent}`)))

/** The registry as OpenMetrics text, with `# EOF`. */
export function renderOpenMetrics(families: readonly FamilySnapshot[]): string {
  const lines: string[] = []
  for (const family of families) {
    lines.push(`# TYPE ${family.name} ${family.type}`)
    if (family.unit !== undefined) lines.push(`# UNIT ${family.name} ${family.unit}`)
    lines.push(`# HELP ${family.name} ${escapeText(family.help)}`)
    for (const series of family.series) renderSeries(lines, family, series)
  }
  lines.push('# EOF', '')
  return lines.join('\n')
}

function renderSeries(lines: string[], family: FamilySnapshot, series: SeriesSnapshot): void {
  const labels = family.labels.map((label, i) => `${label}="${escapeLabel(series.labels[i] ?? '')}"`)
  if (series.histogram !== undefined) {
    renderHistogram(lines, family.name, labels, series.histogram)
    return
  }
  const suffix = family.type === 'counter' ? '_total' : ''
  lines.push(`${family.name}${suffix}${braces(labels)} ${series.value ?? 0}`)
}

function renderHistogram(lines: string[], name: string, labels: readonly string[], histogram: HistogramSnapshot): void {
  let seen = 0
  let next = 0
  for (const bound of RENDERED_BOUNDS) {
    while (next < histogram.buckets.length && bucketUpperBound(histogram.buckets[next]![0]) <= bound * (1 + Number.EPSILON)) {
      seen += histogram.buckets[next]![1]
      next++
    }
    lines.push(`${name}_bucket${braces([...labels, `le="${bound}"`])} ${seen}`)
  }
  lines.push(
    `${name}_bucket${braces([...labels, 'le="+Inf"'])} ${histogram.count}`,
    `${name}_count${braces(labels)} ${histogram.count}`,
    `${name}_sum${braces(labels)} ${histogram.sum}`,
  )
}

function braces(labels: readonly string[]): string {
  return labels.length === 0 ? '' : `{${labels.join(',')}}`
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return escapeText(text).replaceAll('"', '\\"')
}
