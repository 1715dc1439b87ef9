import { expect, it } from 'vitest'
import { collectConfigProblems, defineErrors, isHoldfastError, mergeHealth, parseDurationMs } from '../../src/core/index.ts'

const sample = defineErrors({ HF_PG_SAMPLE: { summary: 'a sample', hint: 'try again', retryable: true } })

it('gives an error the hint of its code, unless the occurrence knows better', () => {
  expect(sample.create('HF_PG_SAMPLE', 'x')).toMatchObject({ code: 'HF_PG_SAMPLE', hint: 'try again', retryable: true, context: {} })
  expect(sample.create('HF_PG_SAMPLE', 'x', { hint: 'pull the plug', retryable: false })).toMatchObject({ hint: 'pull the plug', retryable: false })
})

it('shows neither stack nor cause as JSON, where a secret could hide', () => {
  const error = sample.create('HF_PG_SAMPLE', 'cannot connect', { cause: new Error('postgres://user:secret@host') })
  expect(error.cause).toBeInstanceOf(Error)
  expect(JSON.stringify(error)).not.toContain('secret')
})

it('knows its errors also when they come from another copy of the package', () => {
  const foreign = Object.assign(new Error('x'), { name: 'HoldfastError', code: 'HF_PG_SAMPLE' })
  expect(isHoldfastError(foreign)).toBe(true)
  expect(isHoldfastError(new Error('x'))).toBe(false)
})

it('reports every bad option at once', () => {
  const problems = collectConfigProblems()
  problems.add('redis', 'must be a URL')
  expect(problems.attempt('cache.ttl', () => parseDurationMs('soon'), 7)).toBe(7)
  expect(() => problems.throwIfAny('holdfast()')).toThrow(
    expect.objectContaining({
      code: 'HF_CONFIG_INVALID',
      message: expect.stringMatching(/redis: must be a URL; cache\.ttl: "soon" is not a duration/),
    }),
  )
})

it('passes the defects of a parser through', () => {
  const problems = collectConfigProblems()
  expect(() => problems.attempt('x', () => JSON.parse('{'), undefined)).toThrow(SyntaxError)
})

it('is as healthy as its worst part, and says why', () => {
  const reason = { component: 'redis', why: 'refused', sinceMs: 1 }
  expect(mergeHealth([{ status: 'ok', reasons: [] }])).toEqual({ status: 'ok', reasons: [] })
  expect(
    mergeHealth([
      { status: 'ok', reasons: [] },
      { status: 'degraded', reasons: [reason] },
    ]),
  ).toEqual({ status: 'degraded', reasons: [reason] })
  expect(
    mergeHealth([
      { status: 'down', reasons: [] },
      { status: 'degraded', reasons: [reason] },
    ]).status,
  ).toBe('down')
})
