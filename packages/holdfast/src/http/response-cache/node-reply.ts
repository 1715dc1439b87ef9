import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Clock, ClockTimer } from '../../core/index.ts'
import { type FieldLines, fieldValue, hasField } from '../fields/fields.ts'
import type { OriginReply } from './engine-contract.ts'

type HeadArguments = [status: number, ...rest: unknown[]]
type Chunk = string | Uint8Array

/** The methods of a response that are taken over while the cache decides what becomes of it. */
interface Original {
  readonly writeHead: ServerResponse['writeHead']
  readonly write: ServerResponse['write']
  readonly end: ServerResponse['end']
  readonly flushHeaders: ServerResponse['flushHeaders']
  readonly destroy: ServerResponse['destroy']
}

/** How long a handler may go on after its client left before it is given up. */
const GRACE_MS = 30_000

/** What a handler writes to a response of node, held back until the cache knows whether to store it or to pass it on. */
export class NodeReply implements OriginReply {
  status = 200
  lines: FieldLines = []
  /** Resolves when the handler has sent its head; rejects when the connection closes before. */
  readonly head: Promise<void>
  readonly #response: ServerResponse
  readonly #original: Original
  /** What middleware before the cache has set: it sets it on every answer, so it is neither stored nor taken away. */
  readonly #outer: OutgoingHttpHeaders
  #chunks: Uint8Array[] = []
  #sizeBytes = 0
  #isEnded = false
  #isClosed = false
  #isDiscarded = false
  #hasHead = false
  #limitBytes = Number.POSITIVE_INFINITY
  #onHead!: () => void
  #onBroken!: (error: Error) => void
  #onChange: (() => void) | undefined
  #graceTimer: ClockTimer | undefined

  /** Takes the response's methods over. */
  constructor(response: ServerResponse, clock: Clock) {
    this.#response = response
    this.#outer = { ...response.getHeaders() }
    this.#original = {
      writeHead: response.writeHead,
      write: response.write,
      end: response.end,
      flushHeaders: response.flushHeaders,
      destroy: response.destroy,
    }
    this.head = new Promise((resolve, reject) => {
      this.#onHead = resolve
      this.#onBroken = reject
      // A client that leaves does not stop the handler, and others may wait for its answer.
      response.once('close', () => {
        if (this.#isEnded) return
        this.#graceTimer = clock.after(GRACE_MS, () => this.#giveUp('the connection closed and the handler did not answer'))
      })
    })
    this.head.catch(() => undefined)
    const reply = this
    // What is held back counts as sent for the handler and for the framework around it.
    Object.defineProperties(response, {
      headersSent: { configurable: true, get: () => reply.#hasHead },
      writableEnded: { configurable: true, get: () => reply.#isEnded },
    })
    response.writeHead = function (this: ServerResponse, ...args: HeadArguments) {
      reply.#takeHead(args)
      return response
    } as ServerResponse['writeHead']
    // By the handler, or by a pipeline that failed: nothing more comes. Node itself does not call it when a client leaves.
    response.destroy = (error?: Error) => {
      if (!reply.#isEnded) reply.#giveUp('the handler destroyed its response')
      return reply.#original.destroy.call(response, error)
    }
    response.flushHeaders = () => reply.#implicitHead()
    response.write = ((chunk: Chunk, encoding?: unknown, callback?: unknown) => reply.#take(chunk, encoding, callback)) as ServerResponse['write']
    response.end = ((chunk?: unknown, encoding?: unknown, callback?: unknown) => reply.#finish(chunk, encoding, callback)) as ServerResponse['end']
  }

  /** The handler's body, when it is at most that large and no stream of events. */
  async collect(limitBytes: number): Promise<Uint8Array | undefined> {
    this.#limitBytes = limitBytes
    if (isEventStream(this.lines)) return undefined
    while (!this.#isEnded && this.#sizeBytes <= limitBytes && !this.#isClosed) {
      await new Promise<void>(resolve => {
        this.#onChange = resolve
      })
    }
    if (this.#isEnded) return this.#sizeBytes <= limitBytes ? Buffer.concat(this.#chunks, this.#sizeBytes) : undefined
    if (this.#isClosed) throw new Error('the response was closed before its end')
    return undefined
  }

  /** Gives the response back and sends what the handler wrote, with these lines as its head. What it writes later goes straight out. */
  pass(lines: FieldLines): void {
    this.restore()
    const response = this.#response
    sendHead(response, this.status, lines)
    const chunks = this.#chunks
    this.#chunks = []
    // At once where it is whole, so that whoever stands before us knows it for whole.
    if (this.#isEnded) response.end(chunks.length > 1 ? Buffer.concat(chunks) : chunks[0])
    else {
      for (const chunk of chunks) response.write(chunk)
      response.flushHeaders()
      // A handler that was told to wait waits for this event; node sends it when the socket has taken everything, if it is full.
      if (!response.writableNeedDrain) response.emit('drain')
    }
  }

  /** Gives the response back as it was before the handler. */
  restore(): void {
    const response = this.#response
    Object.assign(response, this.#original)
    Reflect.deleteProperty(response, 'headersSent')
    Reflect.deleteProperty(response, 'writableEnded')
    if (response.headersSent) return
    for (const name of response.getHeaderNames()) if (!(name in this.#outer)) response.removeHeader(name)
    for (const [name, value] of Object.entries(this.#outer)) if (value !== undefined) response.setHeader(name, value)
  }

  discard(): void {
    this.#isDiscarded = true
    this.#chunks = []
  }

  #giveUp(why: string): void {
    this.#isClosed = true
    this.#graceTimer?.cancel()
    this.#onBroken(new Error(why))
    this.#onChange?.()
  }

  /** As node does it: by the method, which middleware after the cache may have wrapped to add fields at the last moment. */
  #implicitHead(): void {
    if (this.#hasHead) return
    const { statusCode } = this.#response
    this.#response.writeHead(statusCode)
    this.#takeHead([statusCode])
  }

  #takeHead(args: HeadArguments): void {
    if (this.#hasHead) return
    this.#hasHead = true
    const [status] = args
    const headers = args.find((argument, i) => i > 0 && typeof argument === 'object' && argument !== null) as
      | OutgoingHttpHeaders
      | OutgoingHttpHeader[]
      | undefined
    this.status = status
    this.lines = headLines(this.#response, headers, this.#outer)
    this.#onHead()
  }

  #take(chunk: Chunk, encoding: unknown, callback: unknown): boolean {
    this.#implicitHead()
    const bytes =
      typeof chunk === 'string' ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8') : Buffer.from(chunk)
    const done = typeof encoding === 'function' ? encoding : callback
    if (!this.#isDiscarded) {
      this.#chunks.push(bytes)
      this.#sizeBytes += bytes.byteLength
    }
    if (typeof done === 'function') queueMicrotask(done as () => void)
    this.#onChange?.()
    return this.#sizeBytes <= this.#limitBytes
  }

  #finish(chunk: unknown, encoding: unknown, callback: unknown): ServerResponse {
    if (this.#isEnded) return this.#response
    const hasChunk = chunk !== undefined && chunk !== null && typeof chunk !== 'function'
    const done = [chunk, encoding, callback].find(argument => typeof argument === 'function') as (() => void) | undefined
    this.#implicitHead()
    this.#isEnded = true
    this.#graceTimer?.cancel()
    if (hasChunk) this.#take(chunk as Chunk, encoding, undefined)
    if (done !== undefined) this.#response.once('finish', done)
    this.#onChange?.()
    return this.#response
  }
}

/** Sends a head: these lines, and what was set on the response before and is not among them. */
export function sendHead(response: ServerResponse, status: number, lines: FieldLines): void {
  // Node's short way takes an array, when nothing was set. Once something was, each line of an array is first removed and then appended, and a record is set.
  if (response.getHeaderNames().length === 0) response.writeHead(status, lines as string[])
  else response.writeHead(status, recordOf(lines))
}

/** The lines of a hit are the same ones for a second. */
const records = new WeakMap<FieldLines, OutgoingHttpHeaders>()

function recordOf(lines: FieldLines): OutgoingHttpHeaders {
  const known = records.get(lines)
  if (known !== undefined) return known
  // By the name in lower case, because two spellings are one field.
  const fields = new Map<string, [name: string, value: string | string[]]>()
  for (let i = 0; i < lines.length; i += 2) {
    const key = lines[i]!.toLowerCase()
    const before = fields.get(key)
    fields.set(key, before === undefined ? [lines[i]!, lines[i + 1]!] : [before[0], [...[before[1]].flat(), lines[i + 1]!]])
  }
  // Without a prototype it would be a slow object, and node walks over it for every hit.
  const record = Object.fromEntries(fields.values())
  records.set(lines, record)
  return record
}

/** On responses that somebody would change on their way: whether they go out as they are written, because they come from the cache, which knows of codings.
 *  Whoever would change it puts it there, because a property that is added to every response that is a hit costs each of them. */
const FINALITY: unique symbol = Symbol('holdfast.finality')

/** Whether nothing between here and the socket should change what is written. */
export interface Finality {
  isFinal: boolean
}

type MaybeWatched = ServerResponse & { [FINALITY]?: Finality }

/** Nothing between here and the socket should change what is written. */
export function markFinal(response: ServerResponse): void {
  const finality = (response as MaybeWatched)[FINALITY]
  if (finality !== undefined) finality.isFinal = true
}

/** For those who would change what is written: whether they may. */
export function finalityOf(response: MaybeWatched): Finality {
  response[FINALITY] ??= { isFinal: false }
  return response[FINALITY]
}

/** The head that a handler is about to send: what it gives now, and what it set before; without what others had set already. */
export function headLines(
  response: ServerResponse,
  headers: OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined,
  outer: OutgoingHttpHeaders,
): string[] {
  // A framework that keeps its fields to itself gives those of what came before too.
  const given = Array.isArray(headers)
    ? headers.flat().map(String)
    : Object.entries(headers ?? {}).flatMap(([name, value]) => (isOuter(outer, name, value) ? [] : valueLines(name, value)))
  // On every outgoing message since node 15.4; the types have it for requests only.
  const { getRawHeaderNames } = response as ServerResponse & { getRawHeaderNames(): string[] }
  const set = getRawHeaderNames.call(response).flatMap(name => {
    const value = response.getHeader(name)
    return hasField(given, name.toLowerCase()) || isOuter(outer, name, value) ? [] : valueLines(name, value)
  })
  return [...set, ...given]
}

function isOuter(outer: OutgoingHttpHeaders, name: string, value: OutgoingHttpHeader | undefined): boolean {
  const before = outer[name.toLowerCase()]
  return before !== undefined && String(before) === String(value)
}

function valueLines(name: string, value: OutgoingHttpHeader | undefined): string[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value.flatMap(item => [name, item]) : [name, String(value)]
}

function isEventStream(lines: FieldLines): boolean {
  return /^text\/event-stream\b/i.test(fieldValue(lines, 'content-type') ?? '')
}
