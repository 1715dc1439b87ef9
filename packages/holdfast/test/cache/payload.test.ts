import { brotliCompressSync, crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { MAX_EXPANDED_BYTES } from '../../src/cache/compression.ts'
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

const encode = async (value: unknown, compressFromBytes = Number.POSITIVE_INFINITY): Promise<Buffer> =>
  (await encodePayload(payload(value), compressFromBytes))!

/** The bytes changed by `change`, with a checksum that is right for them. */
function resealed(bytes: Buffer, change: (bytes: Buffer) => void): Buffer {
  const changed = Buffer.from(bytes)
  change(changed)
  changed.writeUInt32BE(crc32(changed.subarray(6), changed.readUInt16BE(0)), 2)
  return changed
}

const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: `lead-${(i * 7919) % 10_007}`, status: 'assigned', score: (i * 31) % 100 }))

describe('payload', () => {
  it('carries value, times and tag versions through bytes', async () => {
    const decoded = (await decodePayload(await encode({ id: 7, at: new Date(5) })))!
    expect({ ...decoded, stored: readStored(decoded.stored) }).toEqual({ ...payload(0), stored: { id: 7, at: new Date(5) } })
  })

  it('takes bytes for a miss when any one of them is changed', async () => {
    const bytes = await encode({ id: 7, name: 'x' })
    for (let i = 0; i < bytes.length; i++) {
      const damaged = Buffer.from(bytes)
      damaged[i]! ^= 1
      expect(decodePayload(damaged), `byte ${i}`).toBeUndefined()
    }
  })

  it('takes bytes for a miss when they are cut short anywhere, or are no payload', async () => {
    const bytes = await encode('value')
    for (let length = 0; length < bytes.length; length++) expect(decodePayload(bytes.subarray(0, length))).toBeUndefined()
    for (const text of ['', '{"json":true}', 'x'.repeat(100)]) expect(decodePayload(Buffer.from(text))).toBeUndefined()
  })

  it('takes a flag that it does not know for a miss, though the checksum is right', async () => {
    const bytes = await encode('value')
    expect(
      decodePayload(
        resealed(bytes, changed => {
          changed[1]! |= 128
        }),
      ),
    ).toBeUndefined()
    expect(decodePayload(resealed(bytes, () => undefined))).toBeDefined()
  })
})

describe('a compressed payload', () => {
  it.each([
    ['plain, at once', rows(300)],
    ['plain, from a thread', rows(20_000)],
    ['rich, at once', { at: new Date(5), rows: rows(300) }],
    ['rich, from a thread', { at: new Date(5), rows: rows(20_000) }],
  ])('gives the value back: %s', async (_, value) => {
    const bytes = await encode(value, 4096)
    expect(bytes.length).toBeLessThan((await encode(value)).length * 0.6)
    expect(readStored((await decodePayload(bytes))!.stored)).toEqual(value)
  })

  it('is not made below the size, nor when it would save less than a tenth', async () => {
    const noise = { bytes: crypto.getRandomValues(new Uint8Array(5000)) }
    for (const value of [rows(10), noise]) expect((await encode(value, 4096)).equals(await encode(value))).toBe(true)
  })

  it('is a miss when its body is damaged though the checksum is right, small or large', async () => {
    for (const count of [300, 20_000]) {
      const bytes = await encode(rows(count), 4096)
      const damaged = resealed(bytes, changed => changed.fill(255, changed.length - 200))
      expect(await decodePayload(damaged)).toBeUndefined()
    }
  })

  it('is a miss when it expands to more than it says, or says more than is allowed', async () => {
    const head = (await encode('')).subarray(0, -1)
    // A msgpack string of 999,995 characters.
    const megabyte = Buffer.alloc(1_000_000, 'x')
    megabyte[0] = 0xdb
    megabyte.writeUInt32BE(999_995, 1)
    const bomb = (saysBytes: number): Buffer => {
      const size = Buffer.alloc(4)
      size.writeUInt32BE(saysBytes)
      return resealed(Buffer.concat([head, size, brotliCompressSync(megabyte)]), bytes => {
        bytes[1] = 2
      })
    }
    for (const saysBytes of [0, 10, 999_999, 1_000_001, MAX_EXPANDED_BYTES + 1])
      expect(await decodePayload(bomb(saysBytes)), `${saysBytes}`).toBeUndefined()
    expect(await decodePayload(bomb(1_000_000))).toBeDefined()
  })
})
