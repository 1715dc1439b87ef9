// Asks one URL over keep-alive connections, so that the bench's process spends its time on answering alone. A child process: each message is one load
// ({ port, path, requests, connections, headers, status }), answered by {} when all answers came, or { error }. Connections stay open for the next load of the same port.
import { connect } from 'node:net'

/** A body that ends in the middle of these five bytes would be waited for; none here does. */
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

const opened = new Map()

process.on('message', async load => {
  try {
    await run(load)
    process.send({})
  } catch (error) {
    process.send({ error: String(error) })
  }
})
process.on('disconnect', () => process.exit(0))

async function run({ port, path, requests, connections: count, headers = '', status = 200 }) {
  if (!opened.has(port)) opened.set(port, await Promise.all(Array.from({ length: count }, () => open(port))))
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Language: en\r\n${headers}\r\n`)
  const left = { requests }
  await Promise.all(opened.get(port).map(connection => connection.ask(request, status, left)))
}

function open(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(new Connection(socket)))
    socket.setNoDelay(true)
    socket.once('error', reject)
  })
}

/** Asks again and again, and finds the end of one answer after the other. */
class Connection {
  #socket
  #status = 0
  #head = ''
  #missingBytes = 0
  #isChunked = false
  #onData = () => undefined
  #onLost = () => undefined

  constructor(socket) {
    this.#socket = socket
    socket.on('data', data => this.#onData(data))
    socket.on('error', error => this.#onLost(error))
    socket.on('close', () => this.#onLost(new Error('the server closed a connection')))
  }

  /** Resolves when nothing is left to ask for. @throws when another answer comes than expected */
  ask(request, status, left) {
    this.#status = status
    return new Promise((resolve, reject) => {
      const next = () => {
        if (left.requests-- <= 0) resolve()
        else this.#socket.write(request)
      }
      this.#onLost = reject
      this.#onData = data => {
        try {
          if (this.#ends(data)) next()
        } catch (error) {
          reject(error)
        }
      }
      next()
    })
  }

  /** Whether the answer is whole with this. */
  #ends(data) {
    if (this.#isChunked) this.#isChunked = !data.subarray(-5).equals(LAST_CHUNK)
    else if (this.#missingBytes > 0) this.#missingBytes -= data.length
    else {
      this.#head += data.toString('latin1')
      const end = this.#head.indexOf('\r\n\r\n')
      if (end < 0) return false
      this.#readHead(end, data)
      this.#head = ''
    }
    return this.#missingBytes === 0 && !this.#isChunked
  }

  #readHead(end, data) {
    const fields = this.#head.slice(0, end).toLowerCase()
    if (!fields.startsWith(`http/1.1 ${this.#status}`)) throw new Error(`not the answer expected: ${fields}`)
    this.#isChunked = fields.includes('\r\ntransfer-encoding: chunked') && !data.subarray(-5).equals(LAST_CHUNK)
    const sizeBytes = Number(/\r\ncontent-length: (\d+)/.exec(fields)?.[1] ?? 0)
    this.#missingBytes = this.#status === 304 || sizeBytes === 0 ? 0 : sizeBytes - (this.#head.length - end - 4)
  }
}
