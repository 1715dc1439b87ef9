// Asks one URL over keep-alive connections of its own process, so that the bench's process spends its time on answering alone.
// Arguments: port, path, requests, connections. Ends by itself.
import { connect } from 'node:net'

const [port, path, requests, connections] = process.argv.slice(2)
const request = Buffer.from(
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\n\r\n`,
)
let left = Number(requests)

function run() {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1')
    let missingBytes = 0
    let head = ''
    const ask = () => {
      if (left-- <= 0) {
        socket.end()
        resolve()
      } else socket.write(request)
    }
    socket.on('connect', ask)
    socket.on('error', reject)
    socket.on('data', data => {
      if (missingBytes > 0) missingBytes -= data.length
      else {
        head += data.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        const sizeBytes = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1])
        if (!head.startsWith('HTTP/1.1 200') || !(sizeBytes >= 0)) reject(new Error(`not an answer with a length: ${head.slice(0, 200)}`))
        missingBytes = sizeBytes - (head.length - end - 4)
        head = ''
      }
      if (missingBytes === 0) ask()
    })
  })
}

await Promise.all(Array.from({ length: Number(connections) }, run))
