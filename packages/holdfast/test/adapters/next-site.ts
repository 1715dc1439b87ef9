import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import compression from 'compression'
import { NodeNextRequest, NodeNextResponse } from 'next/dist/server/base-http/node.js'
import { addRequestMeta } from 'next/dist/server/request-meta.js'
import { sendResponse } from 'next/dist/server/send-response.js'
import { NextRequestAdapter } from 'next/dist/server/web/spec-extension/adapters/next-request.js'
import type { NextRequest } from 'next/server.js'
import { rateLimit, responseCache } from '../../src/adapters/next.ts'
import type { Listener, Mount } from './site-contract.ts'

/** A route handler between what Next.js has around one when it serves: its own compression, forwarding fields, request and way of sending. An application that it
 *  has built is in test/integration/adapters/next.test.ts. */
export const next: Mount = ({ responses, limiter }, { prefix = '', before }, handle) => {
  const cached = responseCache(
    () => ({ responses }),
    async (request: NextRequest) => {
      const path = request.nextUrl.pathname.slice(prefix.length)
      const made = await handle({ method: request.method, path, headers: Object.fromEntries(request.headers) })
      const body =
        made.chunks === undefined ? (made.body ?? '') : (Readable.toWeb(Readable.from(made.chunks).map(text => Buffer.from(text))) as ReadableStream)
      return new Response([204, 304].includes(made.status ?? 200) ? null : body, { status: made.status ?? 200, headers: made.headers ?? {} })
    },
  )
  const route =
    limiter === undefined
      ? cached
      : rateLimit(() => limiter, cached, { identity: (request: NextRequest) => request.headers.get('x-user') ?? undefined })
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    for (const [name, value] of Object.entries(before?.(request) ?? {})) response.setHeader(name, value)
    const { headers } = request
    const port = String(request.socket.localPort)
    headers['x-forwarded-host'] ??= headers.host ?? 'localhost'
    headers['x-forwarded-port'] ??= port
    headers['x-forwarded-proto'] ??= 'http'
    const asked = new NodeNextRequest(request)
    addRequestMeta(asked, 'initURL', `http://localhost:${port}${request.url}`)
    let made: Response
    try {
      made = await route(NextRequestAdapter.fromNodeNextRequest(asked, new AbortController().signal), undefined)
    } catch {
      made = new Response('failed', { status: 500 })
    }
    await sendResponse(asked, new NodeNextResponse(response), made)
  }
  const compress = compression({ threshold: 0 }) as unknown as (request: IncomingMessage, response: ServerResponse, next: () => void) => void
  const listener: Listener = (request, response) => compress(request, response, () => void serve(request, response).catch(() => response.destroy()))
  return listener
}
