import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { type Coding, preferredCoding } from '../content-coding/coding.ts'
import { LEAST_BYTES } from '../content-coding/encoded-body.ts'
import { type FieldLines, fieldValue } from '../fields/fields.ts'
import { finalityOf, headLines, sendHead } from '../response-cache/node-reply.ts'
import { encodedLines, mayBeEncoded, varying } from './answer-coding.ts'
import type { Compressor } from './compressor.ts'

type Chunk = string | Uint8Array

/** Compresses what a handler of node sends, when the request wishes it and the answer may be changed. A body that is written at once is encoded on a thread,
 *  one in pieces as it comes. An answer of the response cache is left as it is. */
export function compressNode(request: IncomingMessage, response: ServerResponse, compressor: Compressor): void {
  const { writeHead, write, end, flushHeaders } = response
  const original = { writeHead, write, end, flushHeaders }
  const finality = finalityOf(response)
  const method = request.method ?? 'GET'
  const coding = method === 'HEAD' ? undefined : preferredCoding(request.headers['accept-encoding'])
  /** The head that waits for the first bytes of its body. */
  let held: { readonly status: number; readonly lines: FieldLines } | undefined

  const restore = (): void => {
    Object.assign(response, original)
    Reflect.deleteProperty(response, 'headersSent')
    Reflect.deleteProperty(response, 'writableEnded')
  }
  const send = (status: number, lines: FieldLines): void => {
    restore()
    sendHead(response, status, lines)
  }
  const takeHead = (status: number, rest: readonly unknown[]): void => {
    const headers = rest.find(argument => typeof argument === 'object' && argument !== null) as OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined
    if (finality.isFinal) {
      restore()
      response.writeHead(status, headers as OutgoingHttpHeaders)
      return
    }
    const lines = headLines(response, headers, {})
    const isEncodable = mayBeEncoded({ method, status, lines })
    if (!isEncodable || coding === undefined || isSmall(lines)) {
      send(status, isEncodable ? varying(lines) : lines)
      return
    }
    held = { status, lines }
    // What is held back counts as sent for the handler and for the framework around it.
    Object.defineProperty(response, 'headersSent', { configurable: true, get: () => true })
  }

  response.writeHead = ((status: number, ...rest: unknown[]) => {
    if (held === undefined) takeHead(status, rest)
    return response
  }) as ServerResponse['writeHead']
  response.flushHeaders = () => {
    if (held === undefined) takeHead(response.statusCode, [])
    // Somebody waits for the head: the body comes in pieces.
    if (held !== undefined && coding !== undefined) startStream(held, coding)
    else response.flushHeaders()
  }
  response.write = ((chunk: Chunk, ...rest: unknown[]) => {
    if (held === undefined) takeHead(response.statusCode, [])
    if (held !== undefined && coding !== undefined) startStream(held, coding)
    return response.write(chunk, ...(rest as []))
  }) as ServerResponse['write']
  response.end = ((chunk?: unknown, encoding?: unknown, callback?: unknown) => {
    const done = [chunk, encoding, callback].find(argument => typeof argument === 'function') as (() => void) | undefined
    const body = typeof chunk === 'function' || chunk === null ? undefined : (chunk as Chunk | undefined)
    if (held === undefined) takeHead(response.statusCode, [])
    const bytes = bytesOf(body, encoding)
    if (held === undefined || coding === undefined) return endWith(response, bytes, done)
    if (bytes.byteLength < LEAST_BYTES) {
      send(held.status, varying(held.lines))
      return endWith(response, bytes, done)
    }
    Object.defineProperty(response, 'writableEnded', { configurable: true, get: () => true })
    void endEncoded(held, bytes, coding, done)
    return response
  }) as ServerResponse['end']

  const endEncoded = async (head: NonNullable<typeof held>, bytes: Uint8Array, wished: Coding, done: (() => void) | undefined): Promise<void> => {
    const encoded = await compressor.whole(bytes, wished)
    if (response.destroyed) return restore()
    if (encoded === undefined) send(head.status, varying(head.lines))
    else send(head.status, encodedLines(head.lines, wished, encoded.byteLength))
    endWith(response, encoded ?? bytes, done)
  }

  const startStream = (head: NonNullable<typeof held>, wished: Coding): void => {
    send(head.status, encodedLines(head.lines, wished))
    response.flushHeaders()
    const { transform, flushSoon } = compressor.stream(wished)
    transform.on('data', (bytes: Uint8Array) => {
      if (!original.write.call(response, bytes, 'utf8')) transform.pause()
    })
    response.on('drain', () => transform.resume())
    transform.on('drain', () => response.emit('drain'))
    transform.on('end', () => original.end.call(response, undefined, 'utf8'))
    transform.on('error', () => response.destroy())
    response.once('close', () => transform.destroy())
    response.write = ((chunk: Chunk, encoding?: unknown, callback?: unknown) => {
      const written = transform.write(bytesOf(chunk, encoding))
      const done = typeof encoding === 'function' ? encoding : callback
      if (typeof done === 'function') queueMicrotask(done as () => void)
      flushSoon()
      return written
    }) as ServerResponse['write']
    response.end = ((chunk?: unknown, encoding?: unknown, callback?: unknown) => {
      const done = [chunk, encoding, callback].find(argument => typeof argument === 'function') as (() => void) | undefined
      if (done !== undefined) response.once('finish', done)
      Object.defineProperty(response, 'writableEnded', { configurable: true, get: () => true })
      transform.end(typeof chunk === 'function' || chunk === null ? undefined : bytesOf(chunk as Chunk | undefined, encoding))
      return response
    }) as ServerResponse['end']
  }
}

/** Known to be too small to gain by it. */
function isSmall(lines: FieldLines): boolean {
  return Number(fieldValue(lines, 'content-length') ?? LEAST_BYTES) < LEAST_BYTES
}

function endWith(response: ServerResponse, bytes: Uint8Array, done: (() => void) | undefined): ServerResponse {
  return response.end(bytes.byteLength === 0 ? undefined : bytes, done)
}

const NOTHING = Buffer.alloc(0)

function bytesOf(chunk: Chunk | undefined, encoding: unknown): Uint8Array {
  if (chunk === undefined) return NOTHING
  return typeof chunk === 'string' ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8') : chunk
}
