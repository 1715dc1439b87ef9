import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { fakeClock } from '@holdfast/testkit'
import { describe, expect, it } from 'vitest'
import { answerNodeRequest, type NodeRequest } from '../src/node/answer-node-request.ts'
import { settle } from './support/settle.ts'

/** A response whose client takes nothing until `drain` is emitted. */
class StalledResponse extends EventEmitter {
  statusCode = 0
  headersSent = false
  destroyed = false
  writeCount = 0
  ended = false
  setHeader(): void {}
  appendHeader(): void {}
  write(): boolean {
    this.headersSent = true
    this.writeCount++
    return false
  }
  end(): void {
    this.ended = true
  }
  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
}

const request = {
  method: 'GET',
  url: '/api/live',
  headers: { host: 'localhost' },
  rawHeaders: ['Host', 'localhost'],
  socket: {},
} as unknown as NodeRequest

function endless(): { answer: Response; isCancelled: () => boolean } {
  let cancelled = false
  const body = new ReadableStream({
    pull: controller => controller.enqueue(new Uint8Array(1)),
    cancel: () => {
      cancelled = true
    },
  })
  return { answer: new Response(body), isCancelled: () => cancelled }
}

describe('answerNodeRequest', () => {
  it('writes no faster than the client takes', async () => {
    const clock = fakeClock()
    const response = new StalledResponse()
    const { answer, isCancelled } = endless()
    const answered = answerNodeRequest(request, response as unknown as ServerResponse, () => answer, clock)
    await settle()
    expect(response.writeCount).toBe(1)
    for (let i = 0; i < 20; i++) {
      clock.advance(29_000)
      response.emit('drain')
      await settle()
    }
    expect(response.writeCount).toBe(21)
    expect(response.listenerCount('close')).toBeLessThanOrEqual(2)
    response.destroy()
    await answered
    expect(isCancelled()).toBe(true)
  })

  it('closes the connection of a client that takes nothing for 30 s', async () => {
    const clock = fakeClock()
    const response = new StalledResponse()
    const { answer, isCancelled } = endless()
    const answered = answerNodeRequest(request, response as unknown as ServerResponse, () => answer, clock)
    await settle()
    clock.advance(30_000)
    await answered
    expect([response.destroyed, isCancelled(), clock.pendingCount]).toEqual([true, true, 0])
  })

  it('answers a host header that is no host with HF_CONSOLE_HOST', async () => {
    const response = new StalledResponse()
    const odd = { ...request, headers: { host: 'a b' } } as NodeRequest
    response.write = () => true
    await answerNodeRequest(odd, response as unknown as ServerResponse, () => new Response('never'))
    expect([response.statusCode, response.ended]).toEqual([403, true])
  })
})
