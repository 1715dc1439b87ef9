import { connect, createServer, type Socket } from 'node:net'

/** A proxy in front of a server, on which new connections can be made to hang and all connections to stall. */
export interface TcpProxy {
  /** The URL that was given, with the proxy's address. */
  readonly url: string
  /** `pass`: as if it were not there. `swallow`: a new connection is accepted and never answered. `refuse`: closed at once. */
  mode: 'pass' | 'swallow' | 'refuse'
  /** Bytes of connections that are open already stay where they are while this is true. */
  stalls: boolean
  /** Connections accepted since the start. */
  readonly acceptedCount: number
  /** Connections open now. */
  readonly openCount: number
  close(): Promise<void>
}

/** Starts a proxy to the server of `url`. */
export async function startTcpProxy(url: string): Promise<TcpProxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let acceptedCount = 0
  const server = createServer(socket => {
    acceptedCount++
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    if (proxy.mode === 'refuse') socket.destroy()
    else if (proxy.mode === 'pass') bridge(socket, Number(target.port), target.hostname, () => proxy.stalls)
    else socket.resume()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const own = new URL(url)
  own.hostname = '127.0.0.1'
  own.port = String((server.address() as { port: number }).port)
  const proxy: TcpProxy = {
    url: own.href,
    mode: 'pass',
    stalls: false,
    get acceptedCount() {
      return acceptedCount
    },
    get openCount() {
      return sockets.size
    },
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
  return proxy
}

function bridge(socket: Socket, port: number, host: string, stalls: () => boolean): void {
  const upstream = connect(port, host)
  upstream.on('error', () => socket.destroy()).on('close', () => socket.destroy())
  socket.on('close', () => upstream.destroy())
  socket.on('data', bytes => void (stalls() || upstream.write(bytes)))
  upstream.on('data', bytes => void (stalls() || socket.write(bytes)))
}
