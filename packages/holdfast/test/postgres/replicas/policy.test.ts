import { fakeClock } from '@holdfast/testkit'
import { coreErrors } from 'holdfast/core'
import { observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { Circuit } from '../../../src/postgres/replicas/circuit.ts'
import { PrimaryHistory } from '../../../src/postgres/replicas/primary-history.ts'
import { formatReadToken, parseReadToken } from '../../../src/postgres/replicas/read-token.ts'
import { asConnectFailure, isReplicaFault } from '../../../src/postgres/replicas/replica-faults.ts'
import { replicaNames } from '../../../src/postgres/replicas/replica-names.ts'
import { formatWalPosition, laterPosition, parseWalPosition } from '../../../src/postgres/replicas/wal-position.ts'

describe('positions', () => {
  it('reads the notation of PostgreSQL, and nothing else', () => {
    expect(parseWalPosition('16/B374D848')).toBe(0x16_b374_d848n)
    expect(parseWalPosition('FFFFFFFF/FFFFFFFF')).toBe(2n ** 64n - 1n)
    for (const text of ['', '16', '16/', '1/2/3', 'G/1', '123456789/0']) expect(parseWalPosition(text)).toBeUndefined()
    for (const text of ['0/0', '16/B374D848', 'FFFFFFFF/FFFFFFFF']) expect(formatWalPosition(parseWalPosition(text)!)).toBe(text)
    expect(laterPosition(1n, undefined)).toBe(1n)
    expect(laterPosition(1n, 2n)).toBe(2n)
  })

  it('survive a round trip through a token, up to the largest', () => {
    for (const position of [0n, 0x16_b374_d848n, 2n ** 64n - 1n]) {
      const token = { kind: 'position', identity: '18446744073709551615', position } as const
      const text = formatReadToken(token)
      expect(parseReadToken(text)).toEqual(token)
      expect(text.length).toBeLessThanOrEqual(31)
    }
  })

  it('are asked for anew when a token is none', () => {
    for (const text of ['', 'hf1-', 'hf1-1-', 'hf1-now', 'hf2-1-1', 'hf1-1-ZZ', `hf1-1-${'z'.repeat(14)}`, "';--"])
      expect(parseReadToken(text)).toEqual({ kind: 'now' })
  })
})

describe('lag', () => {
  it('is counted from the last time when the primary was seen no further than the replica is', () => {
    const history = new PrimaryHistory()
    expect(history.lagOf(5n)).toBeUndefined()
    history.note(100n, 0, 1)
    // Quiet for a minute, then it writes.
    history.note(100n, 60_000, 60_001)
    history.note(300n, 60_500, 60_501)
    history.note(400n, 61_000, 61_001)
    expect(history.lagOf(400n)).toEqual({ bytes: 0, ms: 0 })
    expect(history.lagOf(100n)).toEqual({ bytes: 300, ms: 1000 })
    expect(history.lagOf(399n)).toEqual({ bytes: 1, ms: 500 })
    expect(history.lagOf(1n)).toEqual({ bytes: 399, ms: 1000 })
  })

  it('does not take an answer that was overtaken for another primary, and forgets the old one when there is another', () => {
    const history = new PrimaryHistory()
    history.note(100n, 0, 1)
    history.note(300n, 10, 20)
    history.note(200n, 15, 25)
    expect(history.lagOf(100n)).toEqual({ bytes: 200, ms: 10 })
    history.note(50n, 30, 31)
    expect(history.lagOf(40n)).toEqual({ bytes: 10, ms: 0 })
  })

  it('is remembered for a bounded time', () => {
    const history = new PrimaryHistory()
    for (let n = 0; n < 5000; n++) history.note(BigInt(n), n * 500, n * 500 + 1)
    expect(history.lagOf(0n)!.ms).toBe(1199 * 500)
  })
})

describe('the circuit', () => {
  it('opens with the first look in vain, lets one read try when the server answers, and closes when that is done', () => {
    const circuit = new Circuit(fakeClock())
    circuit.noteSilence()
    expect(circuit.state).toBe('open')
    circuit.noteReadDone()
    expect(circuit.state).toBe('open')
    circuit.noteAnswer()
    expect(circuit.state).toBe('half-open')
    circuit.noteReadDone()
    expect(circuit.state).toBe('closed')
  })

  it('opens after three reads in a row that lost their connection, for longer each time that the try fails too', () => {
    const clock = fakeClock()
    const circuit = new Circuit(clock)
    circuit.noteReadLost()
    circuit.noteReadLost()
    circuit.noteReadDone()
    circuit.noteReadLost()
    circuit.noteReadLost()
    expect(circuit.state).toBe('closed')
    circuit.noteReadLost()
    for (const pauseMs of [1000, 2000, 4000]) {
      clock.advance(pauseMs - 1)
      circuit.noteAnswer()
      expect(circuit.state).toBe('open')
      clock.advance(1)
      circuit.noteAnswer()
      expect(circuit.state).toBe('half-open')
      circuit.noteReadLost()
      expect(circuit.state).toBe('open')
    }
  })
})

describe('a failure', () => {
  it('is the replica’s where another server may answer, and the statement’s where it would say the same', () => {
    const fromServer = (code: string): object => ({ code, severity: 'FATAL' })
    for (const code of ['57P01', '57P03', '53300', '08006', '28P01', '3D000']) expect(isReplicaFault(fromServer(code))).toBe(true)
    for (const code of ['57014', '42601', '25006', '53200', '22012']) expect(isReplicaFault(fromServer(code))).toBe(false)
    expect(isReplicaFault({ code: 'ECONNRESET', syscall: 'read' })).toBe(true)
    expect(isReplicaFault(Object.assign(new TypeError(), { code: 'ERR_INVALID_ARG_TYPE' }))).toBe(false)
    expect(isReplicaFault(undefined)).toBe(false)
  })

  it('of connecting has a code, and a pool that is full stays a pool that is full', () => {
    const full = coreErrors.create('HF_CONFIG_INVALID', 'stands for any')
    const saturated = Object.assign(new Error(), { code: 'HF_PG_ACQUIRE_TIMEOUT' })
    expect(asConnectFailure('a', saturated)).toBe(saturated)
    expect(asConnectFailure('a', full)).toMatchObject({ code: 'HF_PG_CONNECT_FAILED', cause: full })
    expect(asConnectFailure('a', new Error('Connection terminated due to connection timeout'))).toMatchObject({ code: 'HF_PG_CONNECT_FAILED' })
  })
})

it('names replicas by their address, without account and password', () => {
  const pools = [
    { connectionString: 'postgres://me:secret@db-1:6000/app' },
    { connectionString: 'postgres://me:secret@db-1:6000/other' },
    { host: 'db-2' },
    { connectionString: 'postgres://me:se/cret@db-3/app' },
    {},
  ]
  expect(replicaNames(pools.map(options => ({ options })) as never)).toEqual(['db-1:6000', 'db-1:6000#2', 'db-2:5432', 'replica-4', 'replica-5'])
})

it('refuses options that cannot be meant, all at once', () => {
  const pool = new pg.Pool()
  const wrong = { maxLag: '0s', lookEvery: '1ms', answerWithin: 'soon', maxLagSize: 'big' } as never
  const observe = (): unknown => observePool(pool, { registry: createRegistry(), replicas: [pool, {} as never], options: { replicas: wrong } })
  expect(observe).toThrow(expect.objectContaining({ code: 'HF_CONFIG_INVALID' }))
  for (const part of ['maxLag', 'lookEvery', 'answerWithin', 'maxLagSize', 'pgReplicas[0]: is given twice', 'pgReplicas[1]: is not a pg.Pool']) {
    expect(observe).toThrow(part)
  }
})
