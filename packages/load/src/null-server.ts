import { createServer, type Server } from 'node:net'

const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')

/** A server that answers everything at once and does nothing else, so what is measured against it is the generator. It takes each chunk for one
 *  request, which holds for small requests that are not pipelined: ours. */
export function createNullServer(): Server {
  return createServer({ noDelay: true }, socket => {
    socket.on('data', () => socket.write(ANSWER))
    // The generator closes connections without ceremony.
    socket.on('error', () => socket.destroy())
  })
}

/** Listens on a free port of the loopback interface and resolves with the origin. */
export function listenLocally(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
    })
  })
}
