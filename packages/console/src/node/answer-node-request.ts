import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { type Clock, systemClock } from 'holdfast/core'
import { problemResponse } from '../api/problem.ts'
import { consoleErrors } from '../errors.ts'

/** A Node.js request, perhaps one that a framework has worked on already. */
export interface NodeRequest extends IncomingMessage {
  /** What a body parser such as `express.json()` left; undefined when none ran. */
  readonly body?: unknown
}

/** How long a client may take none of what was sent before its connection is closed. Long enough for a laptop's bad moment on a train. */
const STALL_LIMIT_MS = 30_000

/** Answers a Node.js request through `fetch`. Written by hand because a parser in front may have read the body already, and because the usual adapter
 *  replaces the process's global Request and Response. Never rejects. */
export async function answerNodeRequest(
  request: NodeRequest,
  response: ServerResponse,
  fetch: (request: Request) => Response | Promise<Response>,
  clock: Clock = systemClock,
): Promise<void> {
  try {
    await send(await fetch(toRequest(request)), response, clock)
  } catch (error) {
    if (response.headersSent) response.destroy()
    else await send(problemResponse(error), response, clock).catch(() => response.destroy())
  }
}

function toRequest(request: NodeRequest): Request {
  const scheme = 'encrypted' in request.socket && request.socket.encrypted ? 'https' : 'http'
  // Joined as text: resolving `//evil.example/` against a base would take over the host.
  const target = `${scheme}://${request.headers.host ?? 'localhost'}${request.url?.startsWith('/') ? request.url : '/'}`
  if (!URL.canParse(target)) throw consoleErrors.create('HF_CONSOLE_HOST', 'the host header is not a host')
  const headers = new Headers()
  for (let i = 0; i < request.rawHeaders.length; i += 2) headers.append(request.rawHeaders[i]!, request.rawHeaders[i + 1]!)
  const { method = 'GET' } = request
  if (method === 'GET' || method === 'HEAD') return new Request(target, { method, headers })
  return new Request(target, { method, headers, body: bodyOf(request), duplex: 'half' } as RequestInit)
}

function bodyOf(request: NodeRequest): string | Uint8Array<ArrayBuffer> | ReadableStream {
  const { body } = request
  if (body === undefined) return Readable.toWeb(request) as ReadableStream
  if (typeof body === 'string') return body
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body)
}

async function send(answer: Response, response: ServerResponse, clock: Clock): Promise<void> {
  response.statusCode = answer.status
  for (const [name, value] of answer.headers) if (name !== 'set-cookie') response.setHeader(name, value)
  for (const cookie of answer.headers.getSetCookie()) response.appendHeader('set-cookie', cookie)
  if (answer.body === null) {
    response.end()
    return
  }
  const reader = answer.body.getReader()
  const onClose = (): void => void reader.cancel().catch(() => undefined)
  response.once('close', onClose)
  // A client that left before this point has no close event to come.
  if (response.destroyed) onClose()
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    if (!response.write(chunk.value) && !response.destroyed) await drained(response, clock)
  }
  response.off('close', onClose)
  response.end()
}

/** Resolves when the client has taken what was written, or has gone. */
function drained(response: ServerResponse, clock: Clock): Promise<void> {
  return new Promise(resolve => {
    const timer = clock.after(STALL_LIMIT_MS, () => response.destroy())
    const onEnd = (): void => {
      timer.cancel()
      response.off('drain', onEnd)
      response.off('close', onEnd)
      resolve()
    }
    response.on('drain', onEnd)
    response.on('close', onEnd)
  })
}
