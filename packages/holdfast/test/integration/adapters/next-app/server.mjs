// The application with the cache in front of all of it. Argument: port.
import { createServer } from 'node:http'
import next from 'next'
import { hf } from './lib/hf.mjs'

const port = Number(process.argv[2])
const app = next({ dev: false, dir: import.meta.dirname, hostname: '127.0.0.1', port })
await app.prepare()
const handle = app.getRequestHandler()
const { responses } = await hf()
createServer((request, response) => responses.node(request, response, handle)).listen(port, '127.0.0.1')
