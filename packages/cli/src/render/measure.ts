/** Milliseconds for people: three digits that matter. */
export function formatMs(ms: number | undefined | null): string {
  if (ms === undefined || ms === null) return '–'
  if (ms >= 100) return `${Math.round(ms)} ms`
  if (ms >= 10) return `${ms.toFixed(1)} ms`
  return `${ms.toFixed(2)} ms`
}

/** A ratio 0..1 as a percentage. */
export function formatPercent(ratio: number | undefined | null): string {
  if (ratio === undefined || ratio === null) return '–'
  return `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`
}

/** Thousands apart. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}
