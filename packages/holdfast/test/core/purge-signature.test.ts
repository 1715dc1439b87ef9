import { describe, expect, it } from 'vitest'
import { isSignedBy, parseSignature, signPurge } from '../../src/core/index.ts'

const purge = { url: 'https://shop.test/.holdfast/purge', body: '{"tags":["a"]}' }

describe('the signature of a purge', () => {
  it('holds for its URL, body, time, nonce and secret, and for no other', async () => {
    const signature = parseSignature(await signPurge(purge, 'secret', 1_700_000_000_999))!
    expect(signature.atSec).toBe(1_700_000_000)
    expect(await isSignedBy(purge, signature, ['next', 'secret'])).toBe(true)
    const others = await Promise.all([
      isSignedBy(purge, signature, ['Secret']),
      isSignedBy({ ...purge, url: 'https://shop.test/.holdfast/purge\n' }, signature, ['secret']),
      isSignedBy({ ...purge, body: '{"tags":["b"]}' }, signature, ['secret']),
      isSignedBy(purge, { ...signature, atSec: signature.atSec + 1 }, ['secret']),
      isSignedBy(purge, { ...signature, nonce: 'a'.repeat(22) }, ['secret']),
      isSignedBy(purge, { ...signature, mac: '0'.repeat(64) }, ['secret']),
    ])
    expect(others).toEqual(Array(6).fill(false))
  })

  it('has another nonce each time', async () => {
    const nonces = await Promise.all(Array.from({ length: 50 }, () => signPurge(purge, 'secret', 0)))
    expect(new Set(nonces).size).toBe(50)
  })

  it.each([null, '', 't=1', `t=-1, n=${'a'.repeat(22)}, v1=${'0'.repeat(64)}`, `t=1, n=${'a'.repeat(22)}, v1=${'0'.repeat(63)}`])(
    'is not %j',
    value => {
      expect(parseSignature(value)).toBeUndefined()
    },
  )
})
