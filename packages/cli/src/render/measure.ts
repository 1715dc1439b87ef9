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

const SIZE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** A size in decimal units. */
export function formatBytes(bytes: number | undefined | null): string {
  if (bytes === undefined || bytes === null) return '–'
  let value = Math.abs(bytes)
  let unit = 0
  while (value >= 1000 && unit < SIZE_UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${bytes < 0 ? '-' : ''}${unit === 0 ? value : value.toFixed(1)} ${SIZE_UNITS[unit]}`
}

/** A length of time: `450 ms`, `12 s`, `5 min`, `3 h`, `9 d`. */
export function formatSpan(ms: number | undefined | null): string {
  if (ms === undefined || ms === null) return '–'
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`
}
