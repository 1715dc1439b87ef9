import { joined, type Shown } from './format.ts'

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** A size in decimal units, three digits at most. */
export function showSize(bytes: number): Shown {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return { text: unit === 0 || value >= 100 ? String(Math.round(value)) : value.toFixed(value >= 10 ? 0 : 1), unit: UNITS[unit]! }
}

/** `1.2 MB` */
export function showBytes(bytes: number): string {
  return joined(showSize(bytes))
}
