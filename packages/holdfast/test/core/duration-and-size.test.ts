import { describe, expect, it } from 'vitest'
import { parseDurationMs, parseSizeBytes } from '../../src/core/index.ts'

describe('durations and sizes', () => {
  it('reads a number with a unit', () => {
    expect(['250ms', '30s', '1.5h', '2d', '1w', '0s'].map(parseDurationMs)).toEqual([250, 30_000, 5_400_000, 172_800_000, 604_800_000, 0])
    expect(['512b', '1kb', '64MB', '1.5gb'].map(parseSizeBytes)).toEqual([512, 1024, 67_108_864, 1_610_612_736])
  })

  it.each(['', '30', '-1s', '1 s', '1e3s', 's', '5y'])('refuses the duration %j with its code and the units', text => {
    expect(() => parseDurationMs(text)).toThrow(
      expect.objectContaining({ code: 'HF_CONFIG_DURATION', hint: expect.stringContaining('ms, s, m, h, d, w') }),
    )
  })

  it.each(['', '64', '-1mb', '1tb', 'mb'])('refuses the size %j with its code', text => {
    expect(() => parseSizeBytes(text)).toThrow(expect.objectContaining({ code: 'HF_CONFIG_SIZE' }))
  })
})
