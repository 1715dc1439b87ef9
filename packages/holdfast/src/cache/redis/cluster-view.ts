import { SLOT_COUNT } from './slots.ts'

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
}

/** What one member says of its cluster. */
export interface ClusterView {
  /** Grows with every failover and every slot that moves; the view with the greater one is newer. */
  readonly epoch: number
  /** False when this member does not reach most primaries, or a slot has none. */
  readonly isOk: boolean
  readonly ranges: readonly SlotRange[]
}

/** Slots in a row with the same servers. */
export interface SlotRange {
  readonly from: number
  readonly to: number
  readonly primary: ServerAddress
  readonly replicas: readonly ServerAddress[]
}

/** `host:port`, with brackets around an IPv6 address. */
export function addressText({ host, port }: ServerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Reads the replies to CLUSTER INFO and CLUSTER SLOTS. `asked` stands in where a member does not know its own address. */
export function parseClusterView(info: Buffer, slots: unknown, asked: ServerAddress): ClusterView {
  const text = info.toString()
  const ranges = (slots as [number, number, ...[Buffer | null, number][]][]).map(([from, to, ...servers]) => {
    const [primary, ...replicas] = servers.map(([host, port]) => ({ host: knownHost(host, asked), port: Number(port) }))
    return { from, to: Math.min(to, SLOT_COUNT - 1), primary: primary!, replicas }
  })
  return { epoch: Number(/^cluster_current_epoch:(\d+)/m.exec(text)?.[1] ?? 0), isOk: /^cluster_state:ok/m.test(text), ranges }
}

/** The words of a redirection: `MOVED 3999 127.0.0.1:6381`. */
export function parseRedirection(message: string, asked: ServerAddress): { slot: number; address: ServerAddress } | undefined {
  const found = /^(?:MOVED|ASK) (\d+) (.*):(\d+)$/.exec(message)
  if (found === null) return undefined
  const host = found[2]!.replace(/^\[|\]$/g, '')
  return { slot: Number(found[1]), address: { host: host === '' || host === '?' ? asked.host : host, port: Number(found[3]) } }
}

function knownHost(host: Buffer | null, asked: ServerAddress): string {
  const text = host?.toString() ?? ''
  return text === '' || text === '?' ? asked.host : text
}
