import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLifecycle } from 'holdfast/core'
import { isLoopbackHost } from './auth/request-guards.ts'
import type { Console } from './console.ts'
import { consoleErrors } from './errors.ts'
import { answerNodeRequest } from './node/answer-node-request.ts'

/** Options of {@link serveConsole}. */
export interface ServeConsoleOptions {
  /** Address to listen on. Default `127.0.0.1`; another than loopback needs auth of kind basic or custom. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
}

/** A console that listens. */
export interface ServedConsole extends AsyncDisposable {
  /** Opens the page; holds the token when there is one, so show it to its owner only. */
  readonly url: string
  readonly port: number
  /** Ends live updates, closes the server and stops the console. Idempotent, never rejects. */
  stop(): Promise<void>
}

/** Starts the console and serves it on a port of its own.
 *  @throws HF_CONSOLE_OPEN_BIND when a token is all that protects it and the host is not loopback.
 *  @throws HF_CONSOLE_PORT_TAKEN when the port cannot be had. */
export async function serveConsole(console: Console, options: ServeConsoleOptions = {}): Promise<ServedConsole> {
  const { host = '127.0.0.1', port = 0 } = options
  const { auth } = console
  if (auth.kind === 'token' && !isLoopbackHost(host)) {
    throw consoleErrors.create('HF_CONSOLE_OPEN_BIND', `the console was to listen on ${host} with a token as its only protection`)
  }
  const server = createServer((request, response) => void answerNodeRequest(request, response, console.fetch))
  await listen(server, host, port)
  const lifecycle = createLifecycle({
    name: 'console server',
    start: () => console.start(),
    stop: async () => {
      await console.stop()
      await close(server)
    },
  })
  try {
    await lifecycle.start()
  } catch (error) {
    await close(server)
    throw error
  }
  const bound = (server.address() as AddressInfo).port
  const origin = `http://${host.includes(':') ? `[${host}]` : host}:${bound}/`
  return {
    url: auth.kind === 'token' ? `${origin}?t=${encodeURIComponent(auth.token)}` : origin,
    port: bound,
    stop: lifecycle.stop,
    [Symbol.asyncDispose]: lifecycle.stop,
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isPortProblem = error.code === 'EADDRINUSE' || error.code === 'EACCES'
      const why = error.code === 'EACCES' ? 'needs more rights' : 'is in use'
      reject(isPortProblem ? consoleErrors.create('HF_CONSOLE_PORT_TAKEN', `port ${port} of ${host} ${why}`, { cause: error }) : error)
    })
    server.listen({ host, port }, resolve)
  })
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
