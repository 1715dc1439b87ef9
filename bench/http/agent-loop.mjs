// As get-loop.mjs, through node's own client, which also takes answers without a length. Arguments: port, path, requests, connections. Ends by itself.
import { Agent, get } from 'node:http'

const [port, path, requests, connections] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) })
const headers = { 'accept-encoding': 'gzip, deflate, br' }
let left = Number(requests)

function ask() {
  return new Promise((resolve, reject) => {
    get({ port, path, agent, headers }, response => {
      if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
      response.resume().on('end', resolve)
    }).on('error', reject)
  })
}

async function run() {
  while (left-- > 0) await ask()
}

await Promise.all(Array.from({ length: Number(connections) }, run))
agent.destroy()
