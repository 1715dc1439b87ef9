import { gunzipSync } from 'node:zlib'
import { fakeClock } from '@holdfast/testkit'
import type { ALBEvent, ALBResult, APIGatewayProxyEvent, APIGatewayProxyEventV2, APIGatewayProxyResult, LambdaFunctionURLEvent } from 'aws-lambda'
import { describe, expect, it } from 'vitest'
import { type LambdaEvent, lambda } from '../../src/adapters/lambda.ts'
import { createTieredCache } from '../../src/cache/index.ts'
import { createResponseCache, type FetchHandler, type ResponseCacheOptions } from '../../src/http/index.ts'
import { createRegistry } from '../../src/telemetry/index.ts'

type Part<T> = { [K in keyof T]?: T[K] extends object ? Part<T[K]> | T[K] : T[K] }

/** Events as AWS documents them, by the published types; the fields that nobody reads are left out. */
const EVENTS = {
  rest: (path = '/a'): Part<APIGatewayProxyEvent> => ({
    httpMethod: 'GET',
    path,
    headers: { Host: 'api.test', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Port': '443', 'X-Forwarded-For': '10.0.0.1' },
    multiValueHeaders: { Host: ['api.test'], 'X-Forwarded-Proto': ['https'], Accept: ['text/html', 'application/json'] },
    queryStringParameters: { q: 'ä & b', x: '2' },
    multiValueQueryStringParameters: { q: ['ä & b'], x: ['1', '2'] },
    body: null,
    isBase64Encoded: false,
    requestContext: { path: `/prod${path}`, stage: 'prod', domainName: 'api.test' },
  }),
  http: (path = '/a'): Part<APIGatewayProxyEventV2> => ({
    version: '2.0',
    rawPath: path,
    rawQueryString: 'q=%C3%A4+%26+b&x=1&x=2',
    cookies: ['a=1', 'b=2'],
    headers: { host: 'api.test', 'x-forwarded-proto': 'https', accept: 'text/html,application/json' },
    isBase64Encoded: false,
    requestContext: { domainName: 'api.test', http: { method: 'GET', path, protocol: 'HTTP/1.1', sourceIp: '10.0.0.1', userAgent: '' } },
  }),
  url: (path = '/a'): Part<LambdaFunctionURLEvent> => ({
    version: '2.0',
    rawPath: path,
    rawQueryString: '',
    headers: { host: 'abc.lambda-url.eu-west-1.on.aws', 'x-forwarded-proto': 'https' },
    isBase64Encoded: false,
    requestContext: {
      domainName: 'abc.lambda-url.eu-west-1.on.aws',
      http: { method: 'GET', path, protocol: 'HTTP/1.1', sourceIp: '10.0.0.1', userAgent: '' },
    },
  }),
  balancer: (path = '/a'): Part<ALBEvent> => ({
    httpMethod: 'GET',
    path,
    queryStringParameters: { q: '%C3%A4%20%26%20b' },
    headers: { host: 'lb.test', 'x-forwarded-proto': 'http', 'x-forwarded-port': '80' },
    body: '',
    isBase64Encoded: false,
    requestContext: { elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/a/1' } },
  }),
}

function open(handler: FetchHandler, options: ResponseCacheOptions = {}) {
  const clock = fakeClock()
  const registry = createRegistry()
  const responses = createResponseCache(options, { cache: createTieredCache({ jitter: 0 }, { clock, registry }), registry, clock })
  const seen: Request[] = []
  const handle = lambda(responses, (request, inBackground) => {
    seen.push(request)
    return handler(request, inBackground)
  })
  return { clock, seen, invoke: (event: unknown) => handle(event as LambdaEvent) }
}

const page = (headers: Record<string, string> = {}): Response =>
  new Response('page', { headers: { 'cache-control': 'public, max-age=60', 'content-type': 'text/plain', ...headers } })

describe('Lambda', () => {
  it('understands events of REST APIs, HTTP APIs, function URLs and load balancers', async () => {
    const { seen, invoke } = open(() => page())
    for (const make of Object.values(EVENTS)) await invoke(make())
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET https://api.test/a?q=%C3%A4%20%26%20b&x=1&x=2',
      'GET https://api.test/a?q=%C3%A4+%26+b&x=1&x=2',
      'GET https://abc.lambda-url.eu-west-1.on.aws/a',
      'GET http://lb.test/a?q=%C3%A4%20%26%20b',
    ])
    expect([seen[0]!.headers.get('accept'), seen[1]!.headers.get('cookie')]).toEqual(['text/html, application/json', 'a=1; b=2'])
  })

  it('answers each of them from the cache the second time, in the form that it wants', async () => {
    for (const [kind, make] of Object.entries(EVENTS)) {
      const { seen, invoke } = open(() => page())
      await invoke(make())
      const result = (await invoke(make())) as APIGatewayProxyResult & ALBResult
      const field = (name: string): unknown => result.headers?.[name] ?? result.multiValueHeaders?.[name]?.[0]
      expect([kind, result.statusCode, result.body, result.isBase64Encoded, field('x-cache'), seen.length]).toEqual([
        kind,
        200,
        'page',
        false,
        'HIT',
        1,
      ])
      expect(result.statusDescription).toBe(kind === 'balancer' ? '200 OK' : undefined)
      expect(result.multiValueHeaders !== undefined).toBe(kind === 'rest')
    }
  })

  it('keeps stages of a REST API apart', async () => {
    let calls = 0
    const { invoke } = open(() => page({ 'x-call': String(++calls) }))
    for (const stage of ['prod', 'dev', 'prod'])
      await invoke({ ...EVENTS.rest(), requestContext: { path: `/${stage}/a`, stage, domainName: 'api.test' } })
    expect(calls).toBe(2)
  })

  it('passes a body on, from text and from base64', async () => {
    const bodies: string[] = []
    const { invoke } = open(async request => {
      bodies.push(await request.text())
      return new Response(null, { status: 204 })
    })
    const context = EVENTS.http().requestContext
    const post = { ...EVENTS.http(), requestContext: { ...context, http: { ...context?.http, method: 'POST' } } }
    await invoke({ ...post, body: '{"a":1}' })
    await invoke({ ...post, body: Buffer.from('{"a":2}').toString('base64'), isBase64Encoded: true })
    expect(bodies).toEqual(['{"a":1}', '{"a":2}'])
  })

  it('sends as base64 what is no text: encoded answers, images, other charsets, broken UTF-8', async () => {
    const bytes = Uint8Array.from([0xff, 0xfe, 0x00])
    const cases: [Record<string, string>, boolean][] = [
      [{ 'content-type': 'image/png' }, true],
      [{ 'content-type': 'text/html; charset=latin1' }, true],
      [{ 'content-type': 'text/html; charset=utf-8' }, true],
      [{}, true],
    ]
    for (const [headers, isBase64Encoded] of cases) {
      const result = await open(() => new Response(bytes, { headers })).invoke(EVENTS.http())
      expect([result.isBase64Encoded, Buffer.from(result.body, 'base64')]).toEqual([isBase64Encoded, Buffer.from(bytes)])
    }
    const text = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id })))
    const { invoke } = open(() => new Response(text, { headers: { 'cache-control': 'public, max-age=60', 'content-type': 'application/json' } }))
    const zipped = await invoke({ ...EVENTS.http(), headers: { host: 'api.test', 'accept-encoding': 'gzip' } })
    expect([zipped.isBase64Encoded, gunzipSync(Buffer.from(zipped.body, 'base64')).toString()]).toEqual([true, text])
  })

  it('gives each cookie its line, as the event wants it', async () => {
    const handler = (): Response => {
      const response = new Response('page')
      response.headers.append('set-cookie', 'a=1')
      response.headers.append('set-cookie', 'b=2')
      return response
    }
    expect((await open(handler).invoke(EVENTS.http())).cookies).toEqual(['a=1', 'b=2'])
    expect((await open(handler).invoke(EVENTS.rest())).multiValueHeaders?.['set-cookie']).toEqual(['a=1', 'b=2'])
    expect((await open(handler).invoke(EVENTS.balancer())).headers?.['set-cookie']).toBe('b=2')
  })

  it('says what is wrong with an answer that is larger than Lambda passes on', async () => {
    const large = (megabytes: number) => open(() => new Response('x'.repeat(megabytes * 1024 * 1024), { headers: { 'content-type': 'text/plain' } }))
    expect((await large(5).invoke(EVENTS.http())).statusCode).toBe(200)
    expect(await large(6).invoke(EVENTS.http())).toMatchObject({
      statusCode: 500,
      body: expect.stringContaining('6291456 bytes, and Lambda passes on 6291456'),
    })
    expect((await large(1).invoke(EVENTS.balancer())).statusCode).toBe(500)
    const quotes = open(() => new Response('"'.repeat(4 * 1024 * 1024), { headers: { 'content-type': 'text/plain' } }))
    expect((await quotes.invoke(EVENTS.http())).statusCode).toBe(500)
  })

  it('has fetched anew before it returns what is stale, because the process stops then', async () => {
    let calls = 0
    const { clock, invoke } = open(async () => {
      await new Promise(setImmediate)
      return page({ 'cache-control': 'public, max-age=10, stale-while-revalidate=60', 'x-call': String(++calls) })
    })
    await invoke(EVENTS.http())
    clock.advance(20_000)
    expect((await invoke(EVENTS.http())).headers).toMatchObject({ 'x-cache': 'STALE', 'x-call': '1' })
    expect(calls).toBe(2)
    expect((await invoke(EVENTS.http())).headers).toMatchObject({ 'x-cache': 'HIT', 'x-call': '2' })
  })

  it('rejects with what the handler rejects with', async () => {
    const failing = open(() => Promise.reject(new Error('no database')))
    await expect(failing.invoke(EVENTS.http())).rejects.toThrow('no database')
  })
})
