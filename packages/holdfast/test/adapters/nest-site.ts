import 'reflect-metadata'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import fastifyCompress from '@fastify/compress'
import { All, Controller, type INestApplication, Module, Req, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import compression from 'compression'
import expressFramework from 'express'
import { attach, rateLimit } from '../../src/adapters/nest.ts'
import { createRequestMonitor } from '../../src/http/index.ts'
import { createRegistry } from '../../src/telemetry/index.ts'
import type { Handler, Listener, Mount, MountedSite } from './site-contract.ts'

export const nestOnExpress: Mount = async (mounted, options, handle) => {
  const app = await NestFactory.create(moduleOf(handle, '*path', options.prefix), new ExpressAdapter(), { logger: false })
  if (options.compressed) app.use(compression({ threshold: 0 }))
  if (options.parsed) app.use(expressFramework.json())
  app.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
    for (const [name, value] of Object.entries(options.before?.(request) ?? {})) response.setHeader(name, value)
    next()
  })
  await open(app, mounted, options.prefix)
  return app.getHttpAdapter().getInstance() as Listener
}

export const nestOnFastify: Mount = async (mounted, options, handle) => {
  const app = await NestFactory.create<NestFastifyApplication>(moduleOf(handle, '*', options.prefix), new FastifyAdapter(), { logger: false })
  if (options.compressed) await app.register(fastifyCompress as never, { threshold: 0 })
  const instance = app.getHttpAdapter().getInstance()
  instance.addHook('onRequest', (request, reply, done) => {
    reply.headers(options.before?.(request) ?? {})
    done()
  })
  await open(app, mounted, options.prefix)
  await instance.ready()
  return (request, response) => instance.routing(request, response)
}

async function open(app: INestApplication, { responses, limiter }: MountedSite, prefix: string | undefined): Promise<void> {
  if (prefix !== undefined) app.setGlobalPrefix(prefix)
  if (limiter !== undefined) await rateLimit(app, limiter, { identity: request => request.headers['x-user']?.toString() })
  await attach(app, { responses, requests: createRequestMonitor(createRegistry()) })
  await app.init()
}

/** A module with one controller for everything. Decorators are called by hand: tests are compiled without them. */
function moduleOf(handle: Handler, anything: string, prefix = ''): new () => object {
  class Everything {
    async answer(request: AnyRequest, response: AnyReply): Promise<void> {
      const path = request.url.slice(prefix.length).split('?')[0]!
      const made = await handle({ method: request.method, path, headers: request.headers })
      const sent = response.status(made.status ?? 200)
      const raw = sent.raw ?? (response as unknown as ServerResponse)
      for (const [name, value] of Object.entries(made.headers ?? {})) (sent.header ?? sent.set)?.call(sent, name, value)
      if (made.chunks === undefined) sent.send(made.body ?? '')
      else if (sent.raw !== undefined) sent.send(Readable.from(made.chunks))
      else pipeline(Readable.from(made.chunks), raw, () => undefined)
    }
  }
  const method = Object.getOwnPropertyDescriptor(Everything.prototype, 'answer')!
  Req()(Everything.prototype, 'answer', 0)
  Res()(Everything.prototype, 'answer', 1)
  All(['/', anything])(Everything.prototype, 'answer', method)
  Controller()(Everything)
  class App {}
  Module({ controllers: [Everything] })(App)
  return App
}

/** What a request and a reply of Express and of Fastify have in common. */
interface AnyRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
}
interface AnyReply {
  readonly raw?: ServerResponse
  status(code: number): AnyReply
  header?(name: string, value: string): unknown
  set?(name: string, value: string): unknown
  send(body: unknown): unknown
}
