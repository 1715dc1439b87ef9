// The claim: an answer that is not stored costs at most 1.1 of the CPU to compress that it costs by the package `compression`. CPU time of the serving process, threads of zlib
// included, behind Express, 32 connections that accept gzip and br; both choose Brotli 4. `not compressed` is what the answer costs without.
// HOLDFAST_BENCH_BODY_BYTES sets the size of the body (default 51,200).
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import compression from 'compression'
import express from 'express'
import { compress } from 'holdfast/express'
import { createRegistry } from 'holdfast/telemetry'
import { bench } from '../harness.mjs'

const REQUESTS = 3000
const SIZE = Number(process.env.HOLDFAST_BENCH_BODY_BYTES ?? 51_200)
const rows = []
for (let i = 0; JSON.stringify(rows).length < SIZE; i++) {
  rows.push({
    id: i,
    status: ['open', 'won', 'lost'][i % 3],
    zipCode: String(10_000 + ((i * 7919) % 90_000)),
    contact: `Lead ${(i * 104_729) % 9973}`,
  })
}
const BODY = JSON.stringify(rows)

function candidate(middleware, coding) {
  let server
  return {
    check: async () => {
      const app = express()
      if (middleware !== undefined) app.use(middleware())
      app.get('/a', (_request, response) => response.set('Cache-Control', 'no-store').type('json').send(BODY))
      server = app.listen(0, '127.0.0.1')
      await new Promise(resolve => server.once('listening', resolve))
      const url = `http://127.0.0.1:${server.address().port}/a`
      const response = await fetch(url, { headers: { 'accept-encoding': 'gzip, deflate, br' } })
      const got = response.headers.get('content-encoding')
      if (got !== coding) throw new Error(`the coding is ${got}, not ${coding}`)
      if ((await response.text()) !== BODY) throw new Error('wrong body')
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

function load(port, requests) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('agent-loop.mjs', import.meta.url)), port, '/a', requests, 32], { stdio: 'inherit' })
  return new Promise((resolve, reject) => child.on('exit', code => (code === 0 ? resolve() : reject(new Error(`the client ended with ${code}`)))))
}

await bench({
  url: import.meta.url,
  unit: `us of CPU per request, ${BODY.length} bytes`,
  baseline: 'compression',
  rounds: 5,
  candidates: {
    compression: candidate(() => compression(), 'br'),
    holdfast: candidate(() => compress({ telemetry: createRegistry() }), 'br'),
    'not compressed': candidate(undefined, null),
  },
  claims: [{ candidate: 'holdfast', atMost: 1.1, why: 'compressing costs what it costs by the usual package' }],
})
