import { type Clock, isSignedBy, isTag, parseSignature, SIGNATURE_FIELD } from '../core/portable.ts'
import type { Purged } from './cache-api-store.ts'
import type { EdgeCacheLike } from './platform.ts'
import { digestOf } from './slots.ts'

/** What the endpoint works with. */
export interface PurgeEndpointDeps {
  /** Any of them may have signed: the one in use, and the last while it is being replaced. */
  readonly secrets: readonly string[]
  /** How far a signature's time may be from ours. */
  readonly windowMs: number
  readonly clock: Clock
  readonly openCache: () => Promise<EdgeCacheLike>
  /** How far a purge reaches. */
  readonly reach: 'data-center' | 'everywhere'
  /** Is told of each purge: `done`, or why it was refused. */
  onAnswered(host: string, what: string): void
  /** Keys of the answers under a URL. */
  keysOf(url: URL): readonly string[]
  /** False when some of it could not be noted. */
  purge(host: string, purged: Purged): Promise<boolean>
}

/** Largest body read. */
const BODY_LIMIT_BYTES = 65_536
/** URLs or tags in one request. A tag costs a write to the cache and one to KV, a URL four operations; Cloudflare allows 50 of them a request (free) or 1,000. */
const PURGE_LIMIT = 100
const USED_LIMIT = 10_000

/** Answers purges: a POST with `{"tags": […]}`, `{"urls": […]}` or `{"all": true}`, signed by HMAC-SHA-256 over time, nonce, URL and body. Nothing of the body is looked at
 *  before the signature holds. */
export class PurgeEndpoint {
  readonly #deps: PurgeEndpointDeps
  /** Nonces that this isolate has seen, and until when they matter. */
  readonly #used = new Map<string, number>()

  constructor(deps: PurgeEndpointDeps) {
    this.#deps = deps
  }

  async answer(request: Request, url: URL): Promise<Response> {
    const refusal = await this.#refusalOf(request, url)
    this.#deps.onAnswered(url.host, refusal?.name ?? 'done')
    if (refusal !== undefined) return problem(refusal)
    return Response.json({ reach: this.#deps.reach }, { headers: { 'cache-control': 'no-store' } })
  }

  /** Purges; else why not. */
  async #refusalOf(request: Request, url: URL): Promise<Refusal | undefined> {
    if (request.method !== 'POST') return refused(405, 'method', { allow: 'POST' })
    const signature = parseSignature(request.headers.get(SIGNATURE_FIELD))
    if (signature === undefined) return refused(401, 'signature')
    const { secrets, windowMs, clock } = this.#deps
    if (Math.abs(clock.nowMs() - signature.atSec * 1000) > windowMs) return refused(401, 'time')
    const body = await readText(request)
    if (body === undefined) return refused(413, 'size')
    if (!(await isSignedBy({ url: `${url.origin}${url.pathname}`, body }, signature, secrets))) return refused(401, 'signature')
    if (!(await this.#isFirstUse(signature.nonce, url.host))) return refused(409, 'replay')
    const asked = readPurge(body, url.host)
    if (typeof asked === 'string') return refused(400, asked)
    const isNoted = await this.#deps.purge(
      url.host,
      asked.kind === 'all' ? 'everything' : { keys: asked.urls.flatMap(text => this.#deps.keysOf(new URL(text))), tags: asked.tags },
    )
    if (!isNoted) return refused(503, 'not-noted', { 'retry-after': '1' })
    return undefined
  }

  /** Remembers a nonce here and in the data center. Elsewhere it may be used again while its time lasts: to purge the same once more. */
  async #isFirstUse(nonce: string, host: string): Promise<boolean> {
    const { clock, windowMs, openCache } = this.#deps
    const nowMs = clock.nowMs()
    if ((this.#used.get(nonce) ?? 0) > nowMs) return false
    if (this.#used.size >= USED_LIMIT)
      for (const [used, untilMs] of this.#used) if (untilMs <= nowMs || this.#used.size >= USED_LIMIT) this.#used.delete(used)
    this.#used.set(nonce, nowMs + 2 * windowMs)
    const slot = `https://${host}/.holdfast/hf-nonce-${await digestOf(nonce)}`
    try {
      const cache = await openCache()
      if ((await cache.match(slot)) !== undefined) return false
      await cache.put(slot, new Response('used', { headers: { 'cache-control': `max-age=${Math.ceil((2 * windowMs) / 1000)}` } }))
    } catch {
      // Known in this isolate; a purge that was asked for is worth more than one that is asked for twice.
    }
    return true
  }
}

type Asked = { readonly kind: 'all' } | { readonly kind: 'some'; readonly urls: readonly string[]; readonly tags: readonly string[] }

/** What a body asks for, or the name of what is wrong with it. */
function readPurge(body: string, host: string): Asked | 'json' | 'shape' | 'tags' | 'urls' | 'too-many' {
  let asked: unknown
  try {
    asked = JSON.parse(body)
  } catch {
    return 'json'
  }
  if (typeof asked !== 'object' || asked === null || Array.isArray(asked)) return 'shape'
  const { urls = [], tags = [], all, ...others } = asked as Readonly<Record<string, unknown>>
  if (Object.keys(others).length > 0 || !Array.isArray(urls) || !Array.isArray(tags)) return 'shape'
  if (all !== undefined) return all === true && urls.length + tags.length === 0 ? { kind: 'all' } : 'shape'
  if (urls.length + tags.length === 0) return 'shape'
  if (urls.length + tags.length > PURGE_LIMIT) return 'too-many'
  if (!tags.every(isTag)) return 'tags'
  return urls.every(url => typeof url === 'string' && URL.canParse(url) && new URL(url).host === host) ? { kind: 'some', urls, tags } : 'urls'
}

/** The body as text; `undefined` when it is larger than allowed, which is noticed while it comes. */
async function readText(request: Request): Promise<string | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > BODY_LIMIT_BYTES) return undefined
  const decoder = new TextDecoder()
  let text = ''
  let sizeBytes = 0
  if (request.body === null) return text
  const reader = (request.body as ReadableStream<Uint8Array>).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    sizeBytes += value.byteLength
    if (sizeBytes > BODY_LIMIT_BYTES) {
      await reader.cancel()
      return undefined
    }
    text += decoder.decode(value, { stream: true })
  }
}

const DETAILS: Readonly<Record<string, string>> = {
  method: 'a purge is a POST',
  signature: 'the signature is missing or does not hold',
  time: 'the signature is too old or too new',
  replay: 'the signature was used before',
  size: `the body is larger than ${BODY_LIMIT_BYTES} bytes`,
  json: 'the body is not JSON',
  shape: 'the body is none of {"tags": [...]}, {"urls": [...]}, {"all": true}',
  tags: 'a tag is not a text of 1 to 255 bytes',
  urls: 'a URL cannot be parsed or is of another host',
  'too-many': `more than ${PURGE_LIMIT} tags and URLs`,
  'not-noted': 'the purge could not be noted everywhere; send it again',
}

/** Why there is no purge. */
interface Refusal {
  readonly status: number
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
}

function refused(status: number, name: string, headers: Refusal['headers'] = {}): Refusal {
  return { status, name, headers }
}

/** RFC 9457. */
function problem({ status, name, headers }: Refusal): Response {
  const body = JSON.stringify({ title: 'The purge was refused', status, detail: DETAILS[name], code: name })
  return new Response(body, { status, headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers } })
}
