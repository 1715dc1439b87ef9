import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type OriginHandler = (request: IncomingMessage, response: ServerResponse, call: number) => void

/** An origin whose answers a test says path by path. */
export interface Origin {
  readonly url: string
  /** Says how a path answers; the query does not count, and `*` is for all that nobody spoke for. Returns what has been asked of it. */
  on(path: string, handler: OriginHandler): IncomingMessage[]
  close(): Promise<void>
}

/** Serves on loopback. A path that nobody spoke for answers 404. */
export async function startOrigin(): Promise<Origin> {
  const paths = new Map<string, { readonly handler: OriginHandler; readonly seen: IncomingMessage[] }>()
  const server = createServer((request, response) => {
    const path = paths.get(request.url?.split('?')[0] ?? '') ?? paths.get('*')
    if (path === undefined) {
      response.writeHead(404).end('nobody spoke for this path')
      return
    }
    path.seen.push(request)
    path.handler(request, response, path.seen.length)
  })
  await listening(server)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    on: (path, handler) => {
      const seen: IncomingMessage[] = []
      paths.set(path, { handler, seen })
      return seen
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Answers 200 with `call <n>` and these fields. */
export function page(headers: Readonly<Record<string, string>> = {}): OriginHandler {
  return (_request, response, call) => {
    response.writeHead(200, { 'content-type': 'text/plain', ...headers })
    response.end(`call ${call}`)
  }
}

function listening(server: Server): Promise<void> {
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve()))
}
