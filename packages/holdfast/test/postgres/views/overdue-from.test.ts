import { expect, it } from 'vitest'
import { overdueFrom } from '../../../src/postgres/views/view-definition.ts'

const HOUR_MS = 3_600_000

it('calls a view overdue half a period after the moment that was missed', () => {
  const hourly = { nextDue: (afterMs: number) => (Math.floor(afterMs / HOUR_MS) + 1) * HOUR_MS, maxAgeMs: undefined }
  expect(overdueFrom(hourly, 10 * HOUR_MS, 10 * HOUR_MS + 5000)).toBe(11.5 * HOUR_MS)
  expect(overdueFrom(hourly, undefined, 10.9 * HOUR_MS)).toBe(11.5 * HOUR_MS)
  expect(overdueFrom({ ...hourly, maxAgeMs: 1000 }, 0, 5000)).toBe(6000)
  expect(overdueFrom({ nextDue: undefined, maxAgeMs: undefined }, undefined, 5000)).toBeUndefined()
})
