/** What a Redis server says of itself. */
export interface ServerIdentity {
  /** New with every start of the server. */
  readonly runId: string
  readonly version: string
  readonly isReplica: boolean
  readonly isClusterMember: boolean
  readonly uptimeMs: number
  /** It began with entries from a snapshot whose age nobody knows. An append-only file is at most about a second old. */
  readonly hasLoadedSnapshot: boolean
}

/** The oldest Redis that the cache is made for. */
const OLDEST: readonly [major: number, minor: number] = [6, 2]

/** Reads the reply to INFO; `undefined` when it is not one. */
export function parseIdentity(info: string): ServerIdentity | undefined {
  const fields = new Map(info.split('\r\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]))
  const runId = fields.get('run_id')
  if (runId === undefined) return undefined
  return {
    runId,
    version: fields.get('redis_version') ?? '',
    isReplica: fields.get('role') === 'slave',
    isClusterMember: fields.get('redis_mode') === 'cluster',
    uptimeMs: Number(fields.get('uptime_in_seconds') ?? 0) * 1000,
    hasLoadedSnapshot: hasLoadedSnapshot(fields),
  }
}

function hasLoadedSnapshot(fields: ReadonlyMap<string, string>): boolean {
  if (fields.get('aof_enabled') === '1') return false
  // A replica has its entries from its primary.
  if ((fields.get('total_net_repl_input_bytes') ?? '0') !== '0') return false
  const loaded = fields.get('rdb_last_load_keys_loaded')
  if (loaded !== undefined) return loaded !== '0'
  // Redis 6.2 says neither; then any entry counts.
  return [...fields.keys()].some(name => /^db\d+$/.test(name))
}

/** True when the version is known and older than 6.2. */
export function isTooOld({ version }: ServerIdentity): boolean {
  const [major, minor] = version.split('.').map(Number) as [number, number]
  if (version === '') return false
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
}
