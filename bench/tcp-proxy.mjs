// A TCP proxy before Redis that cuts, swallows or refuses on demand, for everything that goes through it or only for Holdfast's invalidation connection.
import { createConnection, createServer } from 'node:net'

/** @param {string} targetUrl @param {(firstBytes: Buffer) => boolean} [isMeant] which connections faults are for, told by what they send; default all */
export async function startTcpProxy(targetUrl, isMeant = () => true) {
  const target = new URL(targetUrl)
  const pairs = new Set()
  let isSwallowing = false
  let isPartitioned = false
  const server = createServer(client => {
    if (isPartitioned) {
      client.destroy()
      return
    }
    const upstream = createConnection(Number(target.port), target.hostname)
    const pair = { client, meant: false }
    pairs.add(pair)
    // As Redis does; else an acknowledgement held back by 40 ms delays a message as long.
    for (const socket of [client, upstream]) socket.setNoDelay(true)
    client.on('data', chunk => {
      pair.meant ||= isMeant(chunk)
      if (!(isSwallowing && pair.meant)) upstream.write(chunk)
    })
    upstream.on('data', chunk => {
      if (!(isSwallowing && pair.meant)) client.write(chunk)
    })
    const end = () => {
      pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on('close', end).on('error', end)
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(targetUrl)
  url.port = String(server.address().port)
  const cut = () => {
    for (const pair of [...pairs]) if (pair.meant) pair.client.destroy()
  }
  return {
    url: url.href,
    cut,
    /** Drops the bytes of both directions while the sockets stay open. */
    swallow(isOn) {
      isSwallowing = isOn
    },
    /** Destroys the connections and refuses new ones, until `false`. */
    partition(isOn) {
      isPartitioned = isOn
      if (isOn) for (const pair of [...pairs]) pair.client.destroy()
    },
    close() {
      for (const pair of [...pairs]) pair.client.destroy()
      return new Promise(resolve => server.close(resolve))
    },
  }
}
