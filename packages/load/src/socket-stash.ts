import type { Socket } from 'node:net'
import { buildConnector } from 'undici'

/** Sockets that are open before anybody needs them, so that the first requests do not measure the handshake. */
export interface SocketStash {
  /** Hands out an open socket, or opens one. */
  readonly connect: buildConnector.connector
  /** Opens up to `count` sockets. Rejects with the cause when the first cannot be opened; that others fail is left to the requests. */
  fill(count: number): Promise<void>
  /** Closes those that nobody took. */
  destroy(): void
}

/** An empty stash. `connectLimitMs` is the longest that opening a socket may take. */
export function createSocketStash(origin: string, connectLimitMs: number): SocketStash {
  const open = buildConnector({ timeout: connectLimitMs })
  const url = new URL(origin)
  const options: buildConnector.Options = { hostname: url.hostname.replace(/^\[|\]$/g, ''), host: url.host, protocol: url.protocol, port: url.port }
  const idle = new Set<Socket>()

  const openOne = async (): Promise<void> => {
    const socket = await new Promise<Socket>((resolve, reject) => {
      open(options, (error, opened) => (error === null ? resolve(opened as Socket) : reject(error)))
    })
    idle.add(socket)
    // A target may close what it sees idle; undici listens itself once it has the socket.
    socket.once('close', () => idle.delete(socket))
  }

  return {
    connect(asked, callback) {
      for (const socket of idle) {
        idle.delete(socket)
        if (socket.destroyed || !socket.writable) continue
        // Later, because undici 7 does not expect to be called back before its connect has returned.
        queueMicrotask(() => callback(null, socket))
        return
      }
      open(asked, callback)
    },
    async fill(count) {
      await openOne()
      await Promise.allSettled(Array.from({ length: count - 1 }, openOne))
    },
    destroy() {
      for (const socket of idle) socket.destroy()
      idle.clear()
    },
  }
}
