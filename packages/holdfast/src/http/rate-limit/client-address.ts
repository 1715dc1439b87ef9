import { isIPv4, isIPv6 } from 'node:net'

/** Who a request came from, for limits: an IPv4 address, or the /56 of an IPv6 one, since one customer has at least that many. `forwardedFor` is the
 *  `X-Forwarded-For` field; its last `trustedHops` entries were written by proxies of yours, the rest by anybody. */
export function clientAddress(peer: string | undefined, forwardedFor: string | undefined, trustedHops = 0): string {
  const chain = [
    ...(forwardedFor ?? '')
      .split(',')
      .map(part => part.trim())
      .filter(part => part !== ''),
    peer ?? '',
  ]
  // Each trusted hop wrote the address that it was asked from, so the client is that many places before the peer.
  const address = chain[Math.max(0, chain.length - 1 - trustedHops)]!
  return blockOf(withoutPort(address))
}

function withoutPort(address: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(address)
  if (bracketed !== null) return bracketed[1]!
  return /^[\d.]+:\d+$/.test(address) ? address.slice(0, address.indexOf(':')) : address
}

function blockOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)
  if (mapped !== null && isIPv4(mapped[1]!)) return mapped[1]!
  const plain = address.split('%')[0]!
  if (!isIPv6(plain)) return isIPv4(address) ? address : 'unknown'
  const groups = expanded(plain).slice(0, 4)
  groups[3] = groups[3]! & 0xff00
  return `${groups.map(group => group.toString(16)).join(':')}::/56`
}

/** The eight groups of an IPv6 address. */
function expanded(address: string): number[] {
  const [head = '', tail] = address.split('::', 2)
  const read = (part: string): number[] =>
    part === '' ? [] : part.split(':').flatMap(group => (group.includes('.') ? dotted(group) : [Number.parseInt(group, 16)]))
  const [first, last] = [read(head), tail === undefined ? [] : read(tail)]
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
}

function dotted(address: string): number[] {
  const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number]
  return [a * 256 + b, c * 256 + d]
}
