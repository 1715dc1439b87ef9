import { createConnection, createServer, type Server, type Socket } from 'node:net'

/** Which connections a fault is for, told by the name they give themselves. */
export type Route = 'data' | 'invalidation'

interface Pair {
  route: Route
  readonly client: Socket
  readonly upstream: Socket
  readonly held: Buffer[]
}

/** A TCP proxy before Redis that loses things on demand. */
export interface TcpProxy {
  readonly url: string
  /** Drops the bytes from Redis while the sockets stay open: a half-open connection. */
  swallow(route: Route, isOn: boolean): void
  /** Keeps what Redis sends on a route, and passes it on at `false`. */
  hold(route: Route, isOn: boolean): void
  /** Bytes being held. */
  readonly heldBytes: number
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
  const held = new Set<Route>()
  let isPartitioned = false

  const server: Server = createServer(client => {
    if (isPartitioned) {
      client.destroy()
      return
    }
    const upstream = createConnection(Number(target.port), target.hostname)
    const pair: Pair = { route: 'data', client, upstream, held: [] }
    pairs.add(pair)
    // As Redis does; else an acknowledgement held back by 40 ms delays a message as long.
    for (const socket of [client, upstream]) socket.setNoDelay(true)
    client.on('data', chunk => {
      // The name arrives with the handshake, before anything else of the connection.
      if (chunk.includes('holdfast-cache-invalidation')) pair.route = 'invalidation'
      upstream.write(chunk)
    })
    upstream.on('data', chunk => {
      if (held.has(pair.route)) pair.held.push(chunk)
      else if (!swallowed.has(pair.route)) client.write(chunk)
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
    hold(route, isOn) {
      if (isOn) held.add(route)
      else held.delete(route)
      if (!isOn) for (const pair of pairs) for (const chunk of pair.held.splice(0)) pair.client.write(chunk)
    },
    get heldBytes() {
      return [...pairs].flatMap(pair => pair.held).reduce((sum, chunk) => sum + chunk.length, 0)
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
