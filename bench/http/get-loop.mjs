// Asks one URL over keep-alive connections, so that the bench's process spends its time on answering alone. A child process: each message is one load
// ({ port, path, requests, connections, headers, status }), answered by { bytes } when all came, or { error }.
import { connect } from 'node:net'

/** A body that ends in the middle of these five bytes would be waited for; none here does. */
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

process.on('message', async load => {
  try {
    const bytes = await Promise.all(connections(load))
    process.send({ bytes: bytes.reduce((sum, each) => sum + each, 0) })
  } catch (error) {
    process.send({ error: String(error) })
  }
})
process.on('disconnect', () => process.exit(0))

function connections({ port, path, requests, connections: count, headers = '', status = 200 }) {
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Language: en\r\n${headers}\r\n`)
  const left = { requests }
  return Array.from({ length: count }, () => run(port, request, status, left))
}

function run(port, request, status, left) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const answer = new AnswerEnd(status)
    let bytes = 0
    const ask = () => {
      if (left.requests-- <= 0) {
        socket.end()
        resolve(bytes)
      } else socket.write(request)
    }
    socket.setNoDelay(true)
    socket.on('connect', ask)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed a connection')))
    socket.on('data', data => {
      bytes += data.length
      try {
        if (answer.ends(data)) ask()
      } catch (error) {
        reject(error)
      }
    })
  })
}

/** Finds the end of one answer after the other on a connection. */
class AnswerEnd {
  #status
  #head = ''
  #missingBytes = 0
  #isChunked = false

  constructor(status) {
    this.#status = status
  }

  /** Whether the answer is whole with this. @throws when it is another one than expected */
  ends(data) {
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
