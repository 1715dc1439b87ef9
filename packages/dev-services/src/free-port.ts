import { createServer } from 'node:net'
import { DevServicesError } from './errors.ts'

/** A port of 127.0.0.1 that was free a moment ago. Somebody else may take it first, so the caller retries a failed bind. */
export function findFreePort(): Promise<number> {
  return listenOnce(0)
}

/** Checks a port that the user asked for.
 *  @throws HF_CLI_PORT_TAKEN when something listens on it. */
export async function requireFreePort(port: number, purpose: string): Promise<number> {
  try {
    return await listenOnce(port)
  } catch (error) {
    const hint = `stop what listens there (ss -ltnp 'sport = :${port}'), or leave the port out to get a free one`
    throw new DevServicesError('HF_CLI_PORT_TAKEN', `port ${port} of 127.0.0.1, asked for ${purpose}, is taken`, {
      cause: error,
      hint,
      context: { port },
    })
  }
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port))
    })
  })
}
