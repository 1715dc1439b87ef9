import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { decodePayload, encodePayload, type Payload } from '../../src/cache/payload.ts'
import { readStored, toStored } from '../../src/cache/stored-value.ts'

const payload = (value: unknown): Payload => ({
  stored: toStored(value)!,
  freshUntilMs: 1_795_000_000_000.5,
  goneAtMs: 1_795_000_060_000,
  loadMs: 12.5,
  earlyMs: 6.25,
  tags: [
    { tag: '', version: 2 ** 52 },
    { tag: 'fünd:7', version: 3 },
  ],
})

describe('payload', () => {
  it('carries value, times and tag versions through bytes', () => {
    const decoded = decodePayload(encodePayload(payload({ id: 7, at: new Date(5) }))!)!
    expect({ ...decoded, stored: readStored(decoded.stored) }).toEqual({ ...payload(0), stored: { id: 7, at: new Date(5) } })
  })

  it('takes bytes for a miss when any one of them is changed', () => {
    const bytes = encodePayload(payload({ id: 7, name: 'x' }))!
    for (let i = 0; i < bytes.length; i++) {
      const damaged = Buffer.from(bytes)
      damaged[i]! ^= 1
      expect(decodePayload(damaged), `byte ${i}`).toBeUndefined()
    }
  })

  it('takes bytes for a miss when they are cut short anywhere, or are no payload', () => {
    const bytes = encodePayload(payload('value'))!
    for (let length = 0; length < bytes.length; length++) expect(decodePayload(bytes.subarray(0, length))).toBeUndefined()
    for (const text of ['', '{"json":true}', 'x'.repeat(100)]) expect(decodePayload(Buffer.from(text))).toBeUndefined()
  })

  it('takes a flag that it does not know for a miss, though the checksum is right', () => {
    const bytes = encodePayload(payload('value'))!
    bytes[1] = bytes[1]! | 128
    bytes.writeUInt32BE(crc32(bytes.subarray(6), bytes.readUInt16BE(0)), 2)
    expect(decodePayload(bytes)).toBeUndefined()
    bytes[1] = bytes[1]! & 127
    bytes.writeUInt32BE(crc32(bytes.subarray(6), bytes.readUInt16BE(0)), 2)
    expect(decodePayload(bytes)).toBeDefined()
  })
})
