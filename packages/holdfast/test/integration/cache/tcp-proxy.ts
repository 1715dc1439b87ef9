import { createConnection, createServer, type Server, type Socket } from 'node:net'

/** Which connections a fault is for, told by the name they give themselves. */
export type Route = 'data' | 'invalidation'

interface Pair {
  route: Route
  readonly client: Socket
  readonly upstream: Socket
}

/** A TCP proxy before Redis that loses things on demand. */
export interface TcpProxy {
  readonly url: string
  /** Drops the bytes from Redis while the sockets stay open: a half-open connection. */
  swallow(route: Route, isOn: boolean): void
  /** Destroys the sockets of a route. */
  cut(route: Route): void
  /** Refuses new connections and destroys the old ones, until `false`. */
  partition(isOn: boolean): void
  close(): Promise<void>
}

/** Starts a proxy to the Redis at `targetUrl` on a free port of 127.0.0.1. */
export async function startTcpProxy(targetUrl: string): Promise<TcpProxy> {
  const target = new URL(targetUrl)
  const pairs = new Set<Pair>()
  const swallowed = new Set<Route>()
  let isPartitioned = false

  const server: Server = createServer(client => {
    if (isPartitioned) {
      client.destroy()
      return
    }
    const upstream = createConnection(Number(target.port), target.hostname)
    const pair: Pair = { route: 'data', client, upstream }
    pairs.add(pair)
    // As Redis does; else an acknowledgement held back by 40 ms delays a message as long.
    for (const socket of [client, upstream]) socket.setNoDelay(true)
    client.on('data', chunk => {
      // The name arrives with the handshake, before anything else of the connection.
      if (chunk.includes('holdfast-cache-invalidation')) pair.route = 'invalidation'
      upstream.write(chunk)
    })
    upstream.on('data', chunk => {
      if (!swallowed.has(pair.route)) client.write(chunk)
    })
    const end = (): void => {
      pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on('close', end).on('error', end)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const url = new URL(targetUrl)
  url.hostname = '127.0.0.1'
  url.port = String(port)

  const cut = (route?: Route): void => {
    for (const pair of [...pairs]) if (route === undefined || pair.route === route) pair.client.destroy()
  }
  return {
    url: url.href,
    swallow(route, isOn) {
      if (isOn) swallowed.add(route)
      else swallowed.delete(route)
    },
    cut,
    partition(isOn) {
      isPartitioned = isOn
      if (isOn) cut()
    },
    close() {
      cut()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}
