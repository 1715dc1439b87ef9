import type { FieldLines } from '../fields/fields.ts'
import type { CacheEngine } from './engine.ts'
import type { EngineRequest, OriginReply } from './engine-contract.ts'

/** A handler of the Fetch API. `inBackground`: nobody waits for the answer, the cache fetches something anew. */
export type FetchHandler = (request: Request, inBackground: boolean) => Response | Promise<Response>

/** Answers a Fetch request through the engine; `handler` is asked for what is not stored. `toReply` says how its answers are read. */
export async function handleFetch(
  engine: CacheEngine<FetchReply>,
  engineRequest: EngineRequest,
  request: Request,
  handler: FetchHandler,
  toReply: (response: Response) => FetchReply = response => new FetchReply(response),
): Promise<Response> {
  const result = await engine.handle(engineRequest, async (lines, inBackground) =>
    toReply(await handler(originRequest(request, lines, lines !== engineRequest.lines, inBackground), inBackground)),
  )
  if (result.kind === 'passed') {
    const { response } = result.reply
    return new Response(result.reply.stream(), { status: response.status, statusText: response.statusText, headers: toPairs(result.lines) })
  }
  const { status, lines, body } = result.answer
  return new Response(body as Uint8Array<ArrayBuffer> | undefined, { status, headers: toPairs(lines) })
}

/** The header fields of a Fetch message as lines. */
export function linesOf(headers: Headers): string[] {
  const lines: string[] = []
  for (const [name, value] of headers) lines.push(name, value)
  return lines
}

/** Lines as the constructor of `Headers` takes them. */
export function toPairs(lines: FieldLines): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i < lines.length; i += 2) pairs.push([lines[i]!, lines[i + 1]!])
  return pairs
}

/** The request as the handler sees it. A client that goes away does not stop a fill: others may wait for it. */
function originRequest(request: Request, lines: FieldLines, hasChanged: boolean, inBackground: boolean): Request {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (!isRead) return hasChanged ? new Request(request, { headers: toPairs(lines) }) : request
  return new Request(request.url, { method: inBackground ? 'GET' : request.method, headers: toPairs(lines), redirect: 'manual' })
}

/** The handler's answer, its body not yet read. */
export class FetchReply implements OriginReply {
  readonly response: Response
  readonly status: number
  readonly lines: FieldLines
  #read: Uint8Array[] = []
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined

  constructor(response: Response) {
    this.response = response
    this.status = response.status
    this.lines = linesOf(response.headers)
  }

  async collect(limitBytes: number): Promise<Uint8Array | undefined> {
    const { body, headers } = this.response
    if (body === null) return new Uint8Array(0)
    if (Number(headers.get('content-length') ?? 0) > limitBytes || /^text\/event-stream\b/i.test(headers.get('content-type') ?? '')) return undefined
    this.#reader = body.getReader()
    let sizeBytes = 0
    for (;;) {
      const { done, value } = await this.#reader.read()
      if (done) return joined(this.#read, sizeBytes)
      this.#read.push(value)
      sizeBytes += value.byteLength
      if (sizeBytes > limitBytes) return undefined
    }
  }

  /** The body from its beginning, also after a part of it was read. */
  stream(): ReadableStream<Uint8Array> | null {
    const reader = this.#reader
    if (reader === undefined) return this.response.body
    const read = this.#read
    this.#read = []
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        const next = read.shift()
        if (next !== undefined) return controller.enqueue(next)
        const { done, value } = await reader.read()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: reason => reader.cancel(reason),
    })
  }

  discard(): void {
    const cancelled = this.#reader?.cancel() ?? this.response.body?.cancel()
    cancelled?.catch(() => undefined)
  }
}

function joined(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const [only] = chunks
  if (chunks.length === 1 && only !== undefined) return only
  const whole = new Uint8Array(sizeBytes)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}
