import { formatCount, formatMs, formatPercent } from '../render/measure.ts'
import { type DemoResult, type DemoStep, demoSucceeded } from './result.ts'

/** The demo's result as one HTML file that needs nothing else: no script, no foreign host. */
export function renderReport(result: DemoResult): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Holdfast demo report</title>
<style>${STYLE}</style>
<main>
<h1>Holdfast demo report</h1>
<p class="lead">${escapeHtml(summary(result))}</p>
<p class="dim">PostgreSQL ${escapeHtml(result.services.postgres.version)} (${escapeHtml(result.services.postgres.origin)}) · ${redisText(result)} · ${formatCount(result.data.rows)} rows · ${(result.durationMs / 1000).toFixed(0)} s. Every figure was measured in this run, on one machine that also ran the load.</p>
<h2>Steps, all at the same arrival rate</h2>
${stepTable(result.steps)}
${stepChart(result.steps)}
<p class="dim">Open loop: latency counts from the moment a request was due. A step in which the generator itself was late is invalid and shows no figures.</p>
<p>Answered per second when offered more than the service can do: plain ${perSec(result.saturation.plainPerSec)}, cached ${perSec(result.saturation.cachedPerSec)}.</p>
${findingSection(result)}
${incidentSection(result)}
</main>
</html>
`
}

function summary(result: DemoResult): string {
  const first = result.steps[0]
  const last = result.steps.at(-1)
  if (!demoSucceeded(result)) {
    const invalid = result.steps.filter(step => !step.valid).map(step => step.name)
    const verdict = `The verdict is "${result.verified?.verdict ?? 'none'}".`
    return invalid.length === 0 ? verdict : `${verdict} Invalid steps, so without figures: ${invalid.join(', ')}.`
  }
  return `p95 ${formatMs(first?.p95Ms)} → ${formatMs(last?.p95Ms)} at ${first?.arrivalPerSec} requests/s; statements per request ${first?.statementsPerRequest} → ${last?.statementsPerRequest}.`
}

function redisText({ services }: DemoResult): string {
  return services.redis === null
    ? 'no Redis: cache in the process only'
    : `Redis ${escapeHtml(services.redis.version)} (${escapeHtml(services.redis.origin)})`
}

function perSec(value: number | null): string {
  return value === null ? '–' : `<b>${formatCount(value)}/s</b>`
}

function stepTable(steps: readonly DemoStep[]): string {
  const rows = steps.map(step => {
    const figures = step.valid
      ? [formatMs(step.p50Ms), formatMs(step.p95Ms), formatMs(step.p99Ms)].map(figure => `<td>${figure}</td>`).join('')
      : `<td colspan="3">invalid: ${escapeHtml(step.invalidReasons.join('; '))}</td>`
    return `<tr><th scope="row">${step.name}</th><td>${step.arrivalPerSec}</td><td>${formatCount(step.requestCount)}</td>${figures}<td>${step.errors}</td><td>${step.statementsPerRequest ?? '–'}</td><td>${formatPercent(step.hitRatio)}</td></tr>`
  })
  return `<table><thead><tr><th scope="col">step</th><th scope="col">requests/s</th><th scope="col">n</th><th scope="col">p50</th><th scope="col">p95</th><th scope="col">p99</th><th scope="col">errors</th><th scope="col">statements/request</th><th scope="col">cache hits</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}

const BAR_HEIGHT = 18
const ROW_HEIGHT = 64
const CHART_WIDTH = 640

/** p50 and p95 of each valid step on a log scale, because a good fix is a factor, not a difference. */
function stepChart(steps: readonly DemoStep[]): string {
  const valid = steps.filter(step => step.valid && step.p95Ms !== null && step.p50Ms !== null)
  if (valid.length === 0) return ''
  const largest = Math.max(...valid.map(step => step.p95Ms!))
  const smallest = Math.min(...valid.map(step => step.p50Ms!)) / 2
  const width = (ms: number): number => Math.max(2, (Math.log(ms / smallest) / Math.log(largest / smallest)) * (CHART_WIDTH - 200))
  const bars = valid.map((step, i) => {
    const top = i * ROW_HEIGHT
    const bar = (label: string, ms: number, offset: number, kind: string): string =>
      `<rect class="${kind}" x="80" y="${top + offset}" width="${width(ms).toFixed(1)}" height="${BAR_HEIGHT}" rx="3"/><text x="${(88 + width(ms)).toFixed(1)}" y="${top + offset + 13}">${label} ${formatMs(ms)}</text>`
    return `<text x="0" y="${top + 30}">${step.name}</text>${bar('p50', step.p50Ms!, 6, 'p50')}${bar('p95', step.p95Ms!, 30, 'p95')}`
  })
  const words = valid.map(step => `${step.name}: p50 ${formatMs(step.p50Ms)}, p95 ${formatMs(step.p95Ms)}`).join('; ')
  return `<svg role="img" aria-label="${escapeHtml(`Latency on a log scale. ${words}`)}" viewBox="0 0 ${CHART_WIDTH} ${valid.length * ROW_HEIGHT}" width="100%">${bars.join('')}</svg>`
}

function findingSection({ finding, verified }: DemoResult): string {
  if (finding === null) return '<h2>Finding</h2><p>None.</p>'
  const { evidence } = finding
  const plans =
    evidence.planBefore === undefined
      ? ''
      : `<div class="plans"><figure><figcaption>plan before</figcaption><pre>${escapeHtml(evidence.planBefore)}</pre></figure><figure><figcaption>plan with the change</figcaption><pre>${escapeHtml(evidence.planAfter ?? '')}</pre></figure></div>`
  const proof =
    verified === null
      ? '<p>Not applied, so not verified.</p>'
      : `<p><b>${escapeHtml(verified.verdict)}</b>: mean ${formatMs(verified.before.meanMs)} (n ${formatCount(verified.before.sampleCount)}) → ${formatMs(verified.after.meanMs)} (n ${formatCount(verified.after.sampleCount)}). ${escapeHtml(verified.why)}${verified.revertOffered ? ' Revert is offered.' : ''}</p>`
  return `<h2>Finding ${escapeHtml(finding.id)} <small>${escapeHtml(finding.rule)}${finding.planted ? ' · planted' : ''}</small></h2>
<h3>Evidence (${evidence.tier})</h3><pre>${escapeHtml(evidence.statement)}</pre>
<p>${formatPercent(evidence.shareOfTime)} of statement time; mean ${formatMs(evidence.before.meanMs)} × ${formatCount(evidence.before.sampleCount)} calls.</p>${plans}
<h3>Change</h3><pre>${escapeHtml(finding.sql)}</pre><h3>Proof</h3>${proof}`
}

function incidentSection({ incidents }: DemoResult): string {
  if (incidents.length === 0) return ''
  return `<h2>What happened in between</h2><ul>${incidents.map(text => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1b2330; --dim: #566173; --line: #d5dbe4; --paper: #fff; --p50: #2f6fde; --p95: #93b4ef }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf1; --dim: #a2adbd; --line: #333d4b; --paper: #12171f; --p50: #6ea1ff; --p95: #34548c } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 system-ui, sans-serif; font-variant-numeric: tabular-nums }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem }
.lead { font-size: 1.25rem } .dim, small { color: var(--dim); font-weight: 400 }
table { border-collapse: collapse; width: 100% } th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: right } th:first-child { text-align: left }
pre { overflow: auto; padding: .75rem; border: 1px solid var(--line); border-radius: 6px; font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap }
.plans { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem } figure { margin: 0 }
svg { margin: 1.5rem 0; font: 13px system-ui, sans-serif } svg text { fill: var(--ink) } .p50 { fill: var(--p50) } .p95 { fill: var(--p95) }`
