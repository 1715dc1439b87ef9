import { Readable, type Transform } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { type Coding, preferredCoding } from '../content-coding/coding.ts'
import { LEAST_BYTES } from '../content-coding/encoded-body.ts'
import { type FieldLines, fieldLinesOf } from '../fields/fields.ts'
import { linesOf, toPairs } from '../response-cache/fetch-face.ts'
import { encodedLines, mayBeEncoded, varying } from './answer-coding.ts'
import type { Compressor } from './compressor.ts'

/** The answer in the coding that the request wishes, or as it is; see `compressNode`. */
export async function compressResponse(request: Request, response: Response, compressor: Compressor): Promise<Response> {
  const { status, statusText, body } = response
  const lines = linesOf(response.headers)
  if (body === null || isFromCache(lines) || !mayBeEncoded({ method: request.method, status, lines })) return response
  const coding = request.method === 'HEAD' ? undefined : preferredCoding(request.headers.get('accept-encoding') ?? undefined)
  const answer = (sent: ConstructorParameters<typeof Response>[0], head: readonly string[]): Response =>
    new Response(sent, { status, statusText, headers: toPairs(head) })
  if (coding === undefined) return answer(body, varying(lines))
  const reader = body.getReader()
  const first = await reader.read()
  if (first.done) return answer(null, varying(lines))
  // What was given as one text or buffer ends at once; what comes in pieces does not.
  const second = reader.read()
  const isWhole = await Promise.race([second.then(({ done }) => done), new Promise<false>(resolve => setImmediate(resolve, false))])
  if (isWhole) {
    const bytes = first.value
    const encoded = bytes.byteLength < LEAST_BYTES ? undefined : await compressor.whole(bytes, coding)
    if (encoded === undefined) return answer(bytes as Uint8Array<ArrayBuffer>, varying(lines))
    return answer(encoded as Uint8Array<ArrayBuffer>, encodedLines(lines, coding, encoded.byteLength))
  }
  return answer(streamed(first.value, second, reader, coding, compressor), encodedLines(lines, coding))
}

/** True for an answer that the response cache has, in the coding that was wished. Answers of the Fetch API are copied on their way, so what they say counts. */
function isFromCache(lines: FieldLines): boolean {
  return /(?:^|, )Holdfast; (?:hit|fwd=[^,]*; (?:stored|collapsed))/.test(fieldLinesOf(lines, 'cache-status').join(', '))
}

function streamed(
  first: Uint8Array,
  second: ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  coding: Coding,
  compressor: Compressor,
): ReadableStream<Uint8Array> {
  const { transform, flushSoon } = compressor.stream(coding)
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    yield first
    for (let next = await second; !next.done; next = await reader.read()) yield next.value
  }
  const write = async (): Promise<void> => {
    for await (const piece of pieces()) {
      if (transform.destroyed) return void reader.cancel().catch(() => undefined)
      const isRoomLeft = transform.write(piece)
      flushSoon()
      if (!isRoomLeft) await roomIn(transform)
    }
    transform.end()
  }
  write().catch((error: Error) => transform.destroy(error))
  transform.once('close', () => void reader.cancel().catch(() => undefined))
  return Readable.toWeb(transform) as NodeReadableStream as unknown as ReadableStream<Uint8Array>
}

/** Resolves when more may be written, or never will be. */
function roomIn(transform: Transform): Promise<void> {
  return new Promise(resolve => {
    const settle = (): void => {
      transform.off('drain', settle).off('close', settle)
      resolve()
    }
    transform.on('drain', settle).on('close', settle)
  })
}
