/** `1,234`; `1.2 million` from a million on. */
export function countText(count: number): string {
  if (Math.abs(count) >= 1e6) return `${Number((count / 1e6).toPrecision(3))} million`
  return Math.round(count).toLocaleString('en-US')
}

/** `480 kB`, `1.2 MB`, `3.4 GB`, in powers of 1024 as PostgreSQL counts. */
export function bytesText(bytes: number): string {
  if (bytes < 1024 ** 2) return `${Math.max(bytes > 0 ? 1 : 0, Math.round(bytes / 1024))} kB`
  return bytes < 1024 ** 3 ? `${(bytes / 1024 ** 2).toFixed(1)} MB` : `${(bytes / 1024 ** 3).toFixed(1)} GB`
}

/** `850 ms`, `5 s`, `3 min`, `2 h`, `41 days` */
export function spanText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.floor(ms / 86_400_000)} days`
}

/** `4.2 %`, `37 %` */
export function shareText(share: number): string {
  // 99.7 % is not all.
  if (share >= 0.995 && share < 1) return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
}

/** `0.043 ms`, `12.3 ms` */
export function msText(ms: number): string {
  return `${ms < 1 ? ms.toFixed(3) : ms.toFixed(1)} ms`
}
