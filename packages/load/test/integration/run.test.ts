import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from 'vitest'
import { runEngine } from '../../src/engine.ts'
import { type LoadProgress, type LoadResult, measureMaxRate, runLoad, type Scenario } from '../../src/index.ts'
import { createNullServer } from '../../src/null-server.ts'
import { resolveTarget } from '../../src/target.ts'

// These runs take real time, because real time is what they measure. They claim orders and shares, never exact times.

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

/** Listens, counts open connections, and closes after the test. */
async function listen(server: Server): Promise<{ baseUrl: string; openSockets: Set<Socket> }> {
  const openSockets = new Set<Socket>()
  server.on('connection', socket => {
    openSockets.add(socket)
    socket.on('error', () => {}).on('close', () => openSockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(async () => {
    for (const socket of openSockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, openSockets }
}

const serve = (listener: RequestListener): ReturnType<typeof listen> => listen(createHttpServer(listener))

/** Answers at once, but holds everything that arrives in the window until the window ends. Counts from the first request. */
function stalling(fromMs: number, toMs: number): RequestListener {
  let startMs: number | undefined
  return (_, response) => {
    startMs ??= performance.now()
    const atMs = performance.now() - startMs
    // The stall itself is the reason for a real timer.
    if (atMs >= fromMs && atMs < toMs) setTimeout(() => response.end('late'), toMs - atMs)
    else response.end('ok')
  }
}

/** In this thread, from the sources. */
function run(scenario: Scenario, baseUrl: string): Promise<LoadResult> {
  return runEngine({ scenario, target: resolveTarget(baseUrl, false) })
}

describe('a target that stalls', () => {
  const STALL_MS = 600

  it('shows in the latency of every request that was due in the stall', async () => {
    const { baseUrl } = await serve(stalling(400, 400 + STALL_MS))
    const { latency, service, requestCount, droppedCount } = await run({ arrival: [{ rate: 200, seconds: 2 }], flow: [{ path: '/' }] }, baseUrl)
    expect({ requestCount, droppedCount }).toEqual({ requestCount: 400, droppedCount: 0 })
    // 30 % of the requests fall into the stall and wait 0 to 600 ms, evenly: the truth is p90 = 400, p99 = 580.
    expect(latency.p99Ms).toBeGreaterThan(STALL_MS / 2)
    expect(latency.p90Ms).toBeGreaterThan(STALL_MS / 2)
    expect(service.p50Ms).toBeLessThan(STALL_MS / 4)
  })

  it('makes the run invalid when there are too few connections to keep sending, and the latency still counts the wait', async () => {
    const { baseUrl } = await serve(stalling(400, 400 + STALL_MS))
    const result = await run({ arrival: [{ rate: 200, seconds: 2 }], maxInFlight: 1, flow: [{ path: '/' }] }, baseUrl)
    expect(result.valid).toBe(false)
    expect(result.droppedCount).toBeGreaterThan(50)
    expect(result.droppedCount + result.requestCount).toBe(400)
    expect(result.invalidReasons[0]).toMatch(/never sent: all 1 connections/)
    expect(result.slo.met).toBeNull()
  })

  it('hides from the service time what the latency shows', async () => {
    const { baseUrl } = await serve(stalling(400, 400 + STALL_MS))
    const result = await run({ arrival: [{ rate: 100, seconds: 2 }], maxInFlight: 30, flow: [{ path: '/' }] }, baseUrl)
    expect(result.generator.waitedCount).toBeGreaterThan(10)
    expect(result.generator.driftP99Ms).toBeGreaterThan(result.generator.driftLimitMs)
    expect(result.valid).toBe(false)
    expect(result.latency.meanMs).toBeGreaterThan(result.service.meanMs)
  })
})

describe('errors', () => {
  it('are counted by kind and by request, and an expected status is none', async () => {
    const { baseUrl } = await serve((request, response) => {
      if (request.url === '/reset') request.socket.destroy()
      else if (request.url !== '/slow') response.writeHead(Number(request.url?.slice(1))).end()
    })
    const flow = [{ path: '/200' }, { path: '/500' }, { path: '/404', expectStatus: 404 }, { path: '/reset' }, { path: '/slow' }]
    const { errors, byRequest, requestCount } = await run({ arrival: [{ rate: 200, seconds: 0.5 }], timeout: '300ms', flow }, baseUrl)
    expect(requestCount).toBe(100)
    const count = (name: string): number => byRequest.find(request => request.name === name)!.count
    expect(errors.byKind).toEqual({ http_500: count('GET /500'), reset: count('GET /reset'), timeout: count('GET /slow') })
    expect(byRequest.map(request => request.errors === 0)).toEqual([true, false, true, false, false])
    expect(byRequest[4]!.p50Ms).toBeGreaterThan(290)
  })

  it('call an answer that is not HTTP a protocol error', async () => {
    const { baseUrl } = await listen(createTcpServer(socket => socket.on('data', () => socket.end('hello\r\n\r\n'))))
    const { errors } = await run({ arrival: [{ rate: 50, seconds: 0.2 }], flow: [{ path: '/' }] }, baseUrl)
    expect(errors.byKind).toEqual({ protocol: 10 })
  })

  it('call it a connect error when the target goes away in the run', async () => {
    const server = createHttpServer((_, response) => {
      response.end()
      server.close()
      server.closeAllConnections()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { errors, requestCount } = await run({ arrival: [{ rate: 100, seconds: 0.5 }], flow: [{ path: '/' }] }, baseUrl)
    expect(requestCount).toBe(50)
    expect(errors.byKind.connect).toBeGreaterThan(30)
  })
})

it('sends every request of the scenario once, filled in, with the body and the headers', async () => {
  const seen: string[] = []
  const { baseUrl } = await serve(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    seen.push(`${request.method} ${request.url} ${request.headers['x-run']} ${Buffer.concat(chunks)}`)
    response.setHeader('server-timing', 'pg;dur=2').setHeader('x-cache', 'HIT').end()
  })
  const result = await run(
    {
      arrival: [{ from: 0, to: 80, seconds: 0.5 }],
      flow: [{ method: 'put', path: '/{{int:3:3}}', headers: { 'x-run': 'a' }, body: { id: '{{int:4:4}}' } }],
    },
    `${baseUrl}/api`,
  )
  expect(seen).toEqual(Array.from({ length: 20 }, () => 'PUT /api/3 a {"id":4}'))
  expect(result.responseHeaders).toEqual({ serverTiming: { pg: { meanMs: 2, count: 20 } }, xCache: { HIT: 20 } })
})

it('sends the warm-up before the clock starts and does not count it', async () => {
  let served = 0
  const { baseUrl } = await serve((_, response) => {
    served++
    response.end()
  })
  const { requestCount } = await run({ arrival: [{ rate: 50, seconds: 0.2 }], warmUp: { rate: 100, seconds: 0.3 }, flow: [{ path: '/' }] }, baseUrl)
  expect({ served, requestCount }).toEqual({ served: 40, requestCount: 10 })
})

describe('runLoad, in its thread', () => {
  it('reports progress every second, and the same counts at the end', async () => {
    const { baseUrl, openSockets } = await serve((_, response) => response.end())
    const progress: LoadProgress[] = []
    const result = await runLoad(
      { name: 'two seconds', arrival: [{ rate: 50, seconds: 2.2 }], flow: [{ path: '/' }] },
      { baseUrl, onProgress: p => progress.push(p) },
    )
    expect(progress.length).toBeGreaterThanOrEqual(2)
    expect(progress[0]!.sentCount).toBeGreaterThan(30)
    expect(result).toMatchObject({
      schema: 'holdfast.load/1',
      scenario: 'two seconds',
      arrivalPerSec: 50,
      requestCount: 110,
      droppedCount: 0,
      errors: { count: 0 },
    })
    expect(result.latency.histogram.count).toBe(110)
    expect(result.perSecond.done.reduce((sum, count) => sum + count, 0)).toBe(110)
    await expect.poll(() => openSockets.size).toBe(0)
  })

  it('ends when it is aborted, with the reason, and leaves no connection', async () => {
    const { baseUrl, openSockets } = await serve((_, response) => response.write('never ends'))
    const controller = new AbortController()
    const running = runLoad(
      { arrival: [{ rate: 50, seconds: 60 }], flow: [{ path: '/' }] },
      { baseUrl, signal: controller.signal, onProgress: () => controller.abort(new Error('enough')) },
    )
    await expect(running).rejects.toThrow('enough')
    await expect.poll(() => openSockets.size).toBe(0)
  })

  it('runs when the environment tells every process to use the sources', async () => {
    const { baseUrl } = await serve((_, response) => response.end())
    const before = process.env.NODE_OPTIONS
    process.env.NODE_OPTIONS = '--conditions=holdfast-source'
    cleanUps.push(async () => {
      if (before === undefined) delete process.env.NODE_OPTIONS
      else process.env.NODE_OPTIONS = before
    })
    expect((await runLoad({ arrival: [{ rate: 20, seconds: 0.1 }], flow: [{ path: '/' }] }, { baseUrl })).requestCount).toBe(2)
  })

  it('does not start when it was aborted before', async () => {
    await expect(
      runLoad(
        { arrival: [{ rate: 1, seconds: 1 }], flow: [{ path: '/' }] },
        { baseUrl: 'http://127.0.0.1:1', signal: AbortSignal.abort(new Error('no')) },
      ),
    ).rejects.toThrow('no')
  })

  it('refuses to start when nothing listens', async () => {
    const running = runLoad({ arrival: [{ rate: 1, seconds: 1 }], flow: [{ path: '/' }] }, { baseUrl: 'http://127.0.0.1:1' })
    await expect(running).rejects.toMatchObject({ code: 'HF_LOAD_TARGET_UNREACHABLE', message: expect.stringContaining('ECONNREFUSED') })
  })

  it('ends with the error of a progress callback that throws', async () => {
    const { baseUrl } = await serve((_, response) => response.end())
    const fail = (): never => {
      throw new Error('from the callback')
    }
    await expect(runLoad({ arrival: [{ rate: 5, seconds: 30 }], flow: [{ path: '/' }] }, { baseUrl, onProgress: fail })).rejects.toThrow(
      'from the callback',
    )
  })
})

it('leaves no connection when the engine is aborted in the caller thread', async () => {
  const { baseUrl, openSockets } = await serve(() => {})
  const controller = new AbortController()
  const running = runEngine(
    { scenario: { arrival: [{ rate: 50, seconds: 60 }], flow: [{ path: '/' }] }, target: resolveTarget(baseUrl, false) },
    { signal: controller.signal, onProgress: () => controller.abort(new Error('enough')) },
  )
  await expect(running).rejects.toThrow('enough')
  await expect.poll(() => openSockets.size).toBe(0)
})

it('keeps constant memory: ten thousand further requests leave nothing on the heap', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const { baseUrl } = await listen(createNullServer())
  const heaps: { doneCount: number; bytes: number }[] = []
  const onProgress = ({ doneCount }: LoadProgress): void => {
    collectGarbage()
    heaps.push({ doneCount, bytes: process.memoryUsage().heapUsed })
  }
  const scenario: Scenario = {
    arrival: [{ rate: 2500, seconds: 6.5 }],
    // A busy machine would open more connections in the second half, which is no leak.
    maxInFlight: 20,
    flow: [{ path: '/{{int:1:1000000}}' }],
  }
  await runEngine({ scenario, target: resolveTarget(baseUrl, false) }, { onProgress })
  // The first two seconds fill the pools and the histograms.
  const [first, last] = [heaps[1]!, heaps.at(-1)!]
  const requestCount = last.doneCount - first.doneCount
  expect(requestCount).toBeGreaterThan(5000)
  expect((last.bytes - first.bytes) / requestCount).toBeLessThan(100)
})

it('finds its own maximum rate against a server that does nothing', async () => {
  const { steps, maxPerSec } = await measureMaxRate({ fromPerSec: 200_000, stepSeconds: 0.2, halvings: 1, attempts: 1 })
  expect(steps.map(step => step.ratePerSec)).toEqual([200_000, 100_000])
  expect(maxPerSec).toBeLessThanOrEqual(100_000)
})
