import type { AddressInfo } from 'node:net'
import expressFramework from 'express'
import Fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { cacheErrors } from '../../src/cache/errors.ts'
import { httpErrors } from '../../src/http/errors.ts'
import { problemAnswer, toProblem } from '../../src/http/index.ts'

const badCursor = () => httpErrors.create('HF_HTTP_CURSOR_INVALID', 'the page cursor cannot be used: it is no cursor')

describe('problem documents (RFC 9457)', () => {
  it('give an error of Holdfast its code, status and occurrence', () => {
    expect(toProblem(badCursor())).toEqual({
      type: 'urn:holdfast:error:HF_HTTP_CURSOR_INVALID',
      title: 'A page cursor was changed, is for another list, or was signed with a key that is no longer known.',
      status: 400,
      code: 'HF_HTTP_CURSOR_INVALID',
      detail: 'the page cursor cannot be used: it is no cursor',
    })
  })

  it('tell of what failed on our side to operators alone', () => {
    const error = cacheErrors.create('HF_CACHE_REDIS_AWAY', 'redis.internal:6379 does not answer')
    expect(JSON.stringify(toProblem(error))).not.toContain('internal')
    expect(toProblem(error)).toMatchObject({ status: 503, code: 'HF_CACHE_REDIS_AWAY' })
    expect(toProblem(error, { forOperators: true })).toMatchObject({ detail: 'redis.internal:6379 does not answer', hint: error.hint })
  })

  it.each<[name: string, error: unknown, problem: object]>([
    [
      'a status of a framework',
      Object.assign(new Error('body too large'), { status: 413 }),
      { status: 413, title: 'Payload Too Large', detail: 'body too large' },
    ],
    ['a statusCode of a framework', Object.assign(new Error('no'), { statusCode: 404 }), { status: 404, detail: 'no' }],
    ['a fault with a status', Object.assign(new Error('password is x'), { status: 502 }), { status: 500, title: 'Internal Server Error' }],
    ['any other error', new Error('password is x'), { status: 500, title: 'Internal Server Error' }],
    ['what is no error', 'password is x', { status: 500 }],
    ['nothing', undefined, { status: 500 }],
  ])('of %s', (_, error, problem) => {
    expect(toProblem(error)).toMatchObject({ type: 'about:blank', ...problem })
    expect(JSON.stringify(toProblem(error))).not.toContain('password')
  })

  it('are answered as application/problem+json, never to be stored', () => {
    const { status, headers, body } = problemAnswer({ ...toProblem(badCursor()), cursors: 1 })
    expect([status, headers]).toEqual([400, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' }])
    expect(JSON.parse(body)).toMatchObject({ status: 400, cursors: 1 })
  })

  it('have the status that Express and Fastify give the same error by themselves', async () => {
    const app = expressFramework().set('env', 'test')
    app.get('/', () => {
      throw badCursor()
    })
    const server = app.listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { headers: { connection: 'close' } })
    await response.text()
    await new Promise(resolve => server.close(resolve))
    const fastify = Fastify()
    fastify.get('/', async () => {
      throw badCursor()
    })
    expect([response.status, (await fastify.inject('/')).statusCode]).toEqual([400, 400])
    await fastify.close()
  })
})
