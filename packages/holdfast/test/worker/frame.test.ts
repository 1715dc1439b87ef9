import { describe, expect, it } from 'vitest'
import { readResponseControl } from '../../src/http/response-cache/control.ts'
import { toStored } from '../../src/http/response-cache/stored-response.ts'
import { decodeFrame, encodeFrame, type Frame } from '../../src/worker/frame.ts'
import { hostOf, KEY_FORMS } from '../../src/worker/slots.ts'

function frame(): Frame {
  const stored = (text: string, cacheControl: string, selectedBy: (string | undefined)[]) => {
    const lines = ['Cache-Control', cacheControl, 'X-Text', 'é"\n']
    const body = new TextEncoder().encode(text)
    const exchange = { requestedAtMs: 1000, receivedAtMs: 2000 }
    return toStored({ status: 200, lines, body, tags: ['a'], route: '/a' }, readResponseControl(lines, []), exchange, 5000, selectedBy)
  }
  const responses = [stored('ünï', 'max-age=x, public', ['de', undefined]), stored('', 'max-age=5', [undefined, 'b'])]
  return { variants: { varyBy: ['accept-language', 'x-b'], responses }, marks: { everything: '', 'tag a': '7.x' } }
}

describe('a frame', () => {
  it('gives back what was put in, invalid lifetimes and absent fields too', () => {
    expect(decodeFrame(encodeFrame(frame()))).toEqual(frame())
    expect(frame().variants.responses[0]?.control.maxAgeSec).toBeNaN()
  })

  it('is absent when it is cut off anywhere, longer than it says, or of another version', () => {
    const bytes = encodeFrame(frame())
    for (let end = 0; end < bytes.byteLength; end++) expect(decodeFrame(bytes.subarray(0, end))).toBeUndefined()
    expect(decodeFrame(new Uint8Array([...bytes, 0]))).toBeUndefined()
    expect(decodeFrame(new Uint8Array([9, ...bytes.subarray(1)]))).toBeUndefined()
  })
})

describe('keys at the edge', () => {
  it('tell their host, whatever an identity looks like', () => {
    for (const identity of ['a', 'x" https://evil.test/', '\\', '\\" https://evil.test/', '" "']) {
      expect(hostOf(`${KEY_FORMS.partition(identity)}https://shop.test:8443/a`)).toBe('shop.test:8443')
    }
    expect(hostOf('http://shop.test/https://evil.test/')).toBe('shop.test')
  })
})
