// The claim: behind Express, a hit of the response cache costs at most 1.15 of a bare Map's, with validation, Age and Cache-Status done. CPU time of the
// serving process, 64 connections, which accept gzip and br. `holdfast` sends the same bytes as the Map; `holdfast, encoded` sends them in the coding that it made
// once, as it does by default. HOLDFAST_BENCH_BODY_BYTES sets the size of the body (default 2,048).
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { createTieredCache } from 'holdfast/cache'
import { responseCache } from 'holdfast/express'
import { createResponseCache } from 'holdfast/http'
import { createRegistry } from 'holdfast/telemetry'
import { bench } from '../harness.mjs'

const require = createRequire(import.meta.url)
const REQUESTS = 20_000
const BODY = JSON.stringify({
  rows: Array.from({ length: 5000 }, (_, i) => `lead ${i * 7919}`)
    .join(' ')
    .slice(0, Number(process.env.HOLDFAST_BENCH_BODY_BYTES ?? 2048) - 11),
})
let calls = 0

function handler(_request, response) {
  calls++
  response.set('Cache-Control', 'public, max-age=600').type('json').send(BODY)
}

/** What one would write by hand: no validation, no Age, no invalidation. */
function bareMap(app) {
  const stored = new Map()
  app.get('/a', (request, response) => {
    const hit = stored.get(request.originalUrl)
    if (hit !== undefined) {
      response.writeHead(200, hit.lines)
      response.end(hit.body)
      return
    }
    calls++
    const body = Buffer.from(BODY)
    stored.set(request.originalUrl, {
      body,
      lines: ['Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(body.length), 'Cache-Control', 'public, max-age=600'],
    })
    handler(request, response)
  })
}

function holdfast(options) {
  return app => mountHoldfast(app, options)
}

function mountHoldfast(app, options) {
  const registry = createRegistry()
  app.use(responseCache(createResponseCache(options, { cache: createTieredCache({}, { registry }), registry })))
  app.get('/a', handler)
}

function apicache(app) {
  app.use(require('apicache').middleware('10 minutes'))
  app.get('/a', handler)
}

function routeCache(app) {
  app.get('/a', require('route-cache').cacheSeconds(600), handler)
}

function candidate(mount) {
  let server
  return {
    check: async () => {
      const app = express()
      mount(app)
      server = app.listen(0, '127.0.0.1')
      await new Promise(resolve => server.once('listening', resolve))
      for (let i = 0; i < 3; i++) {
        const response = await fetch(`http://127.0.0.1:${server.address().port}/a`)
        if ((await response.text()) !== BODY) throw new Error('wrong body')
        await new Promise(setImmediate)
      }
      if (mount !== nothing && calls > 2) throw new Error(`the handler ran ${calls} times`)
    },
    run: async () => {
      const { port } = server.address()
      await load(port, REQUESTS / 4)
      const before = process.cpuUsage()
      await load(port, REQUESTS)
      const { user, system } = process.cpuUsage(before)
      server.close()
      return (user + system) / REQUESTS
    },
  }
}

function nothing(app) {
  app.get('/a', handler)
}

function load(port, requests) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('get-loop.mjs', import.meta.url)), port, '/a', requests, 64], { stdio: 'inherit' })
  return new Promise((resolve, reject) => child.on('exit', code => (code === 0 ? resolve() : reject(new Error(`the client ended with ${code}`)))))
}

await bench({
  url: import.meta.url,
  unit: `us of CPU per request, ${BODY.length} bytes`,
  baseline: 'limit: a Map behind Express',
  rounds: 5,
  candidates: {
    'limit: a Map behind Express': candidate(bareMap),
    holdfast: candidate(holdfast({ compress: false })),
    'holdfast, encoded': candidate(holdfast({})),
    apicache: candidate(apicache),
    'route-cache': candidate(routeCache),
    'no cache': candidate(nothing),
  },
  claims: [{ candidate: 'holdfast', atMost: 1.15, why: 'a hit costs what a Map costs' }],
})
