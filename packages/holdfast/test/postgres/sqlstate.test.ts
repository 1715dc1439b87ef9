import { describe, expect, it } from 'vitest'
import { errorLabel, isRetryableInTransaction, leavesOutcomeUnknown, sqlstateOf } from '../../src/postgres/sqlstate.ts'

const fromServer = (code: string): Error => Object.assign(new Error('server'), { code, severity: 'ERROR' })
const fromSocket = (code: string): Error => Object.assign(new Error('socket'), { code })

describe('SQLSTATE', () => {
  it.each([
    ['unique violation', fromServer('23505'), '23505', false, false],
    ['serialization failure', fromServer('40001'), '40001', true, false],
    ['deadlock', fromServer('40P01'), '40P01', true, false],
    ['administrator shutdown', fromServer('57P01'), '57P01', false, true],
    ['connection exception', fromServer('08006'), '08006', false, true],
    ['cancelled', fromServer('57014'), '57014', false, false],
    ['a broken socket, whose EPIPE looks like a SQLSTATE', fromSocket('EPIPE'), 'connection', false, true],
    ['a reset', fromSocket('ECONNRESET'), 'connection', false, true],
    ["the driver's own time-out", new Error('Query read timeout'), 'driver', false, true],
  ])('of %s: label, retryable, outcome of COMMIT unknown', (_, error, label, isRetryable, isUnknown) => {
    expect([errorLabel(error), isRetryableInTransaction(error), leavesOutcomeUnknown(error)]).toEqual([label, isRetryable, isUnknown])
  })

  it('is absent from what the server did not send', () => {
    for (const error of [undefined, null, 'text', fromSocket('EPIPE')]) expect(sqlstateOf(error)).toBeUndefined()
  })
})
