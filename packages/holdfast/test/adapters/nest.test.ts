import 'reflect-metadata'
import type { AddressInfo } from 'node:net'
import { Controller, Get, Header, type INestApplication, Module, NotFoundException, Sse } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { of } from 'rxjs'
import { afterEach, describe, expect, it } from 'vitest'
import { attach, Cached } from '../../src/adapters/nest.ts'
import { type Holdfast, holdfast } from '../../src/runtime/index.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** A controller as an application has it; its decorators are called by hand, because tests are compiled without them. */
function makeModule(hf: Holdfast) {
  class Funds {
    calls = 0
    list(): Promise<object> {
      return hf.cache.getOrSet('funds', async () => ({ call: ++this.calls }), { tags: ['funds'] })
    }
    plain(): object {
      return { call: ++this.calls }
    }
    missing(): never {
      this.calls++
      throw new NotFoundException()
    }
    own(): object {
      return { call: ++this.calls }
    }
    events(): unknown {
      return of({ data: String(++this.calls) })
    }
  }
  const on = (name: keyof Funds, ...decorators: ((target: object, name: string, method: PropertyDescriptor) => unknown)[]): void => {
    const method = Object.getOwnPropertyDescriptor(Funds.prototype, name)!
    for (const decorate of decorators) decorate(Funds.prototype, name, method)
  }
  on('list', Get('list') as never, Cached({ ttl: '1m', sharedBy: 'everyone', tags: request => [`page:${request.url}`] }))
  on('plain', Get('plain') as never)
  on('missing', Get('missing') as never, Cached({ ttl: '1m', sharedBy: 'everyone' }))
  on('own', Get('own') as never, Header('Cache-Control', 'public, max-age=60') as never)
  on('events', Sse('events') as never, Cached({ ttl: '1m', sharedBy: 'everyone' }))
  Controller('funds')(Funds)
  class App {}
  Module({ controllers: [Funds] })(App)
  return { App, Funds }
}

describe.each(['express', 'fastify'])('on %s', platform => {
  const start = async () => {
    const hf = await holdfast()
    const { App, Funds } = makeModule(hf)
    const app: INestApplication = await NestFactory.create(App, platform === 'express' ? new ExpressAdapter() : (new FastifyAdapter() as never), {
      logger: false,
    })
    await attach(app, hf)
    await app.listen(0, '127.0.0.1')
    open.push(async () => {
      await app.close()
      await hf.stop()
    })
    const { port } = app.getHttpServer().address() as AddressInfo
    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(`http://127.0.0.1:${port}/funds/${path}`, { headers })
      return { status: response.status, cache: response.headers.get('x-cache'), text: await response.text(), headers: response.headers }
    }
    return { hf, ask, controller: app.get(Funds) }
  }

  it('stores the answers of handlers that are decorated, and drops them with their tags and data', async () => {
    const { hf, ask } = await start()
    const first = await ask('list')
    expect([first.cache, first.headers.get('cache-control')]).toEqual(['MISS', 'no-cache'])
    const hit = await ask('list', { cookie: 'session=b' })
    expect([hit.cache, hit.text, hit.headers.get('holdfast-cache-control')]).toEqual(['HIT', first.text, null])
    await hf.cache.invalidateTags('funds')
    expect(await ask('list')).toMatchObject({ cache: 'MISS', text: '{"call":2}' })
    await hf.cache.invalidateTags('page:/funds/list')
    expect((await ask('list')).cache).toBe('MISS')
  })

  it('stores nothing of a handler that is not, and takes an answer at its own word', async () => {
    const { ask } = await start()
    for (const call of [1, 2]) expect((await ask('plain')).text).toBe(`{"call":${call}}`)
    const own = await ask('own')
    expect(await ask('own')).toMatchObject({ cache: 'HIT', text: own.text })
  })

  it('keeps no error and no stream of events of a handler that is decorated', async () => {
    const { ask, controller } = await start()
    for (let i = 0; i < 2; i++) expect(await ask('missing')).toMatchObject({ status: 404, cache: 'MISS' })
    expect(controller.calls).toBe(2)
    for (const call of [3, 4]) expect((await ask('events')).text).toContain(`data: ${call}`)
  })

  it('counts its routes and says where the time went', async () => {
    const { hf, ask } = await start()
    expect((await ask('plain')).headers.get('server-timing')).toMatch(/total;dur=/)
    await expect
      .poll(() =>
        hf.telemetry
          .snapshot()
          .find(({ name }) => name === 'http_server_request_duration_seconds')
          ?.series.map(({ labels }) => labels[0]),
      )
      .toEqual(['GET /funds/plain'])
  })
})

it('refuses a bad duration when the class is defined', () => {
  expect(() => Cached({ ttl: 'soon' as '1s' })).toThrow(expect.objectContaining({ code: 'HF_CONFIG_DURATION' }))
})
