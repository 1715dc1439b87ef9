// One server of the bench in a process of its own: node hit-servers.mjs <name>. Answers /2kb and /50kb, and says its port to the parent.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { createTieredCache } from 'holdfast/cache'
import { responseCache as forExpress } from 'holdfast/express'
import { responseCache as forFastify } from 'holdfast/fastify'
import { responseCache as forHono } from 'holdfast/hono'
import { createResponseCache } from 'holdfast/http'
import { createRegistry } from 'holdfast/telemetry'
import { Hono } from 'hono'
import { defineCachedHandler } from 'ocache'

const require = createRequire(import.meta.url)

/** JSON of rows, of about so many bytes: it compresses as such answers do. */
export const BODIES = Object.fromEntries(
  [
    ['/2kb', 2048],
    ['/50kb', 51_200],
  ].map(([path, sizeBytes]) => {
    const rows = []
    for (let i = 0; JSON.stringify(rows).length < sizeBytes - 80; i++)
      rows.push({ id: i, name: `lead ${(i * 7919) % 10_007}`, status: ['open', 'won', 'lost'][i % 3], score: (i * 31) % 100 })
    return [path, JSON.stringify(rows)]
  }),
)
const ETAG = '"1"'
const FIELDS = { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'public, max-age=600', ETag: ETAG }

/** What one would write by hand, answered at once: no validation of what is stored, no Age, no variants, no invalidation. */
function handMade() {
  const stored = new Map()
  for (const [path, text] of Object.entries(BODIES)) {
    const body = Buffer.from(text)
    const lines = [...Object.entries(FIELDS).flat(), 'Content-Length', String(body.length)]
    stored.set(path, { body, lines, known: ['Cache-Control', FIELDS['Cache-Control'], 'ETag', ETAG], headers: Object.fromEntries(pairs(lines)) })
  }
  return stored
}

function pairs(lines) {
  return lines.flatMap((name, i) => (i % 2 === 0 ? [[name, lines[i + 1]]] : []))
}

function serveHit({ body, lines, known }, request, response) {
  if (request.headers['if-none-match'] === ETAG) response.writeHead(304, known).end()
  else response.writeHead(200, lines).end(body)
}

const holdfast = options => {
  const registry = createRegistry()
  return createResponseCache(options, { cache: createTieredCache({}, { registry }), registry })
}
/** The same bytes as the Map. */
const AS_IT_IS = { compress: false }

function origin(request, response) {
  const body = BODIES[request.url]
  response.writeHead(200, { ...FIELDS, 'Content-Length': Buffer.byteLength(body) }).end(body)
}

const onNode = listener => createServer(listener)
const onExpress = mount => {
  const app = express()
  app.set('etag', false)
  mount(app)
  app.get('/:size', (request, response) => response.set(FIELDS).send(BODIES[request.path]))
  return createServer(app)
}
const onFastify = async mount => {
  const app = Fastify()
  await mount(app)
  app.get('/:size', (request, reply) => reply.headers(FIELDS).send(BODIES[request.url]))
  await app.ready()
  return app.server
}
const onHono = mount => {
  const app = new Hono()
  mount(app)
  app.get('/:size', context => context.body(BODIES[context.req.path], 200, FIELDS))
  return createServer(getRequestListener(app.fetch))
}

function nodeHoldfast(options) {
  const cache = holdfast(options)
  return onNode((request, response) => cache.node(request, response, origin))
}

const SERVERS = {
  'node: Map': () => {
    const stored = handMade()
    return onNode((request, response) => serveHit(stored.get(request.url), request, response))
  },
  'node: holdfast': () => nodeHoldfast(AS_IT_IS),
  'node: holdfast, encodings stored': () => nodeHoldfast({}),
  'node: origin': () => onNode(origin),
  'express: Map': () => {
    const stored = handMade()
    return onExpress(app => app.use((request, response) => serveHit(stored.get(request.originalUrl), request, response)))
  },
  'express: holdfast': () => onExpress(app => app.use(forExpress(holdfast(AS_IT_IS)))),
  'express: holdfast, encodings stored': () => onExpress(app => app.use(forExpress(holdfast({})))),
  'express: Map behind compression()': () => {
    const stored = handMade()
    return onExpress(app =>
      app.use(require('compression')()).use((request, response) => serveHit(stored.get(request.originalUrl), request, response)),
    )
  },
  'express: apicache': () => onExpress(app => app.use(require('apicache').middleware('10 minutes'))),
  'express: route-cache': () => onExpress(app => app.use(require('route-cache').cacheSeconds(600))),
  'fastify: Map': () => {
    const stored = handMade()
    return onFastify(app =>
      app.addHook('onRequest', (request, reply) => {
        reply.hijack()
        serveHit(stored.get(request.raw.url), request.raw, reply.raw)
      }),
    )
  },
  'fastify: holdfast': () => onFastify(app => app.register(forFastify(holdfast(AS_IT_IS)))),
  'fastify: @fastify/caching': () =>
    onFastify(async app => {
      await app.register(require('@fastify/caching'), { privacy: 'public', expiresIn: 600 })
      // It brings a store and the fields; looking there before the handler is the application's.
      app.addHook('onRequest', (request, reply, done) => {
        app.cache.get(request.raw.url, (error, found) => (found ? reply.headers(FIELDS).send(found.item) : done(error)))
      })
      app.addHook('onSend', (request, _reply, payload, done) => app.cache.set(request.raw.url, payload, 600_000, error => done(error, payload)))
    }),
  'hono: Map': () => {
    const stored = handMade()
    return onHono(app =>
      app.use(async context => {
        const { body, headers } = stored.get(context.env.incoming.url)
        if (context.env.incoming.headers['if-none-match'] === ETAG)
          return new Response(null, { status: 304, headers: { 'Cache-Control': FIELDS['Cache-Control'], ETag: ETAG } })
        return new Response(body, { status: 200, headers })
      }),
    )
  },
  'hono: holdfast': () => onHono(app => app.use(forHono(holdfast(AS_IT_IS), app))),
  'hono: ocache': () => {
    const app = new Hono()
    const cached = defineCachedHandler(event => new Response(BODIES[new URL(event.req.url).pathname], { headers: FIELDS }), {
      maxAge: 600,
      swr: false,
    })
    app.get('/:size', context => cached({ req: context.req.raw }))
    return createServer(getRequestListener(app.fetch))
  },
}

if (pathToFileURL(process.argv[1]).href === import.meta.url) {
  const server = await SERVERS[process.argv[2].replace(' again (control)', '')]()
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
  process.on('message', () => {
    globalThis.gc({ type: 'minor' })
    process.send({})
  })
  process.on('disconnect', () => process.exit(0))
}
