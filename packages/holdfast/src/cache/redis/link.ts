import { type Clock, type ClockTimer, currentRequestScope, type HealthReason, type Logger, type LuaScript } from '../../core/index.ts'
import type { CacheMetrics, RedisOp } from '../metrics.ts'
import { isOutage, RedisFault, toConnectionFault, toFault } from './fault.ts'
import { type IoRedisLike, limitHandshake, type RedisArg } from './port.ts'
import { isTooOld, parseIdentity, type ServerIdentity } from './server-identity.ts'

/** What a link needs. */
export interface LinkDeps {
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly metrics: CacheMetrics
  /** Longest wait for one answer. Beyond it Redis counts as away. */
  readonly budgetMs: number
  /** Which member of a cluster this is, for health; '' for a Redis by itself. */
  readonly name: string
  /** Redis became unusable. `lostConnection` is false when it is only slow. */
  onOpen(lostConnection: boolean): void
  /** Redis answers again. Runs before anybody else may use it; when it rejects, the breaker stays open and the probe is repeated. */
  onHeal(): Promise<void>
  /** The breaker has closed. */
  onUsable(): void
}

/** First pause between probes, doubled up to the last. */
const PROBE_FIRST_MS = 100
const PROBE_LAST_MS = 1000
/** Probes without an answer after which the socket is given up. */
const DEAD_PROBES = 3
const TIME_SYNC_MS = 60_000

interface Pending {
  /** Its place among those that wait. */
  at: number
  fail(fault: RedisFault): void
}

/** One data connection with a budget on every command and a breaker: the first overrun, loss or outage reply opens it, after which callers are
 *  told at once, and probes decide when it closes. Nothing here throws to a caller of the cache. */
export class RedisLink {
  readonly #client: IoRedisLike
  readonly #deps: LinkDeps
  /** An array and no Set: the tables that a busy Set leaves behind point to their successors, and with them every answer grows old before it is freed. */
  readonly #pending: Pending[] = []
  #isUsable = false
  #isHealing = false
  #isStopped = false
  #problem: HealthReason | undefined
  #probeTimer: ClockTimer | undefined
  #syncTimer: ClockTimer | undefined
  #deadProbes = 0
  #connectionId: number | undefined
  #identity: ServerIdentity | undefined
  #serverOffsetMs = 0
  #firstVerdict: (() => void) | undefined

  constructor(client: IoRedisLike, deps: LinkDeps) {
    this.#client = client
    this.#deps = deps
    this.#problem = { component: 'redis', why: 'not connected yet', sinceMs: deps.clock.nowMs() }
    limitHandshake(client, deps.clock)
    client.on('error', ((error: Error) => this.#open(toConnectionFault(error, client))) as never)
    client.on('close', () => this.#open(new RedisFault('disconnected', 'the connection closed')))
    client.on('ready', () => void this.#heal())
  }

  /** True when commands may be sent. */
  get isUsable(): boolean {
    return this.#isUsable
  }

  /** Why it is not usable, or less than it should be. */
  get problem(): HealthReason | undefined {
    return this.#problem
  }

  /** What the server said of itself when it was last introduced; `undefined` when it would not. */
  get identity(): ServerIdentity | undefined {
    return this.#identity
  }

  /** The Redis server's clock, never earlier than the true one by more than drift, so that nothing outlives its end in Redis. */
  serverNowMs(): number {
    return this.#deps.clock.monotonicMs() + this.#serverOffsetMs
  }

  /** Connects. Resolves when Redis is usable, or at the first failure, or after `limitMs`; never rejects. Retries go on in the background. */
  start(limitMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#deps.clock.after(limitMs, resolve, true)
      this.#firstVerdict = () => {
        timer.cancel()
        resolve()
      }
      this.#client.connect().catch(error => this.#open(toFault(error)))
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#isUsable = false
    this.#probeTimer?.cancel()
    this.#syncTimer?.cancel()
    this.#failPending(new RedisFault('away', 'stopped'))
    this.#client.disconnect()
    this.#firstVerdict?.()
  }

  /** Sends one command. @throws RedisFault, at once when the link is not usable. */
  send(op: RedisOp, command: string, args: RedisArg[]): Promise<unknown> {
    if (!this.#isUsable) return Promise.reject(this.#awayFault())
    return this.sendUngated(op, command, args)
  }

  /** Runs a script, sending its text only when Redis does not know it yet. @throws RedisFault */
  async run(op: RedisOp, script: LuaScript, keys: readonly string[], args: readonly RedisArg[]): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args]
    try {
      return await this.send(op, 'evalsha', [script.sha1, ...rest])
    } catch (error) {
      if (toFault(error).kind !== 'no_script') throw error
      return this.send(op, 'eval', [script.source, ...rest])
    }
  }

  /** As {@link send}, also while the breaker is open; for probes and healing. */
  sendUngated(op: RedisOp, command: string, args: RedisArg[]): Promise<unknown> {
    return this.#watch(op, command, this.#client.callBuffer(command, args))
  }

  /** Sends a command to a member that is taking the key's slot over. @throws RedisFault */
  sendAsking(op: RedisOp, command: string, args: RedisArg[]): Promise<unknown> {
    if (!this.#isUsable) return this.send(op, command, args)
    // Holds for the next command on the connection, which is sent in the same tick.
    this.sendUngated('control', 'asking', []).catch(() => undefined)
    return this.send(op, command, args)
  }

  /** Sends commands with one write to the socket; an error reply stands in the place of its answer. @throws RedisFault when none was answered */
  async sendTogether(op: RedisOp, commands: unknown[][]): Promise<unknown[]> {
    if (!this.#isUsable) throw this.#awayFault()
    const replies = (await this.#watch(op, `${commands.length} commands`, this.#client.pipeline(commands).exec())) as [Error | null, unknown][]
    return replies.map(([error, reply]) => {
      if (error === null) return reply
      const fault = toFault(error)
      this.#onFault(fault)
      return fault
    })
  }

  #watch(op: RedisOp, what: string, answer: Promise<unknown>): Promise<unknown> {
    const { clock, metrics, budgetMs } = this.#deps
    const startedAtMs = clock.monotonicMs()
    // Reads share a batch; each reader adds its own wait.
    const scope = op === 'read' ? undefined : currentRequestScope()
    return new Promise((resolve, reject) => {
      const settle = (): boolean => {
        timer.cancel()
        if (!this.#remove(pending)) return false
        const tookMs = clock.monotonicMs() - startedAtMs
        metrics.redisSeconds[op].record(tookMs / 1000)
        if (scope !== undefined) scope.redisMs += tookMs
        return true
      }
      const pending: Pending = {
        at: this.#pending.length,
        fail: fault => {
          if (settle()) reject(fault)
        },
      }
      const overrun = (): void => {
        if (pending.at < 0) return
        const fault = new RedisFault('slow', `no answer to ${what} within ${budgetMs} ms`)
        pending.fail(fault)
        this.#open(fault)
      }
      // When the event loop was blocked, the answer may be waiting in the socket: two turns let it be read before Redis is blamed.
      const timer = clock.after(budgetMs, () => setImmediate(() => setImmediate(overrun)), true)
      this.#pending.push(pending)
      answer.then(
        reply => {
          if (settle()) resolve(reply)
          else this.#onLateReply()
        },
        error => {
          const fault = toFault(error)
          pending.fail(fault)
          this.#onFault(fault)
        },
      )
    })
  }

  /** False when it was removed before. The last one takes its place. */
  #remove(pending: Pending): boolean {
    if (pending.at < 0) return false
    const last = this.#pending.pop()!
    if (last !== pending) {
      this.#pending[pending.at] = last
      last.at = pending.at
    }
    pending.at = -1
    return true
  }

  #onFault(fault: RedisFault): void {
    if (this.#isStopped) return
    this.#deps.metrics.errors.bind(fault.kind).add()
    if (!isOutage(fault.kind)) return
    this.#open(fault)
    // After a failover the old address may lead to a replica: only a new connection finds the new primary.
    if (fault.kind === 'readonly') this.#client.disconnect(true)
  }

  #awayFault(): RedisFault {
    return new RedisFault('away', this.#problem?.why ?? 'stopped')
  }

  /** An answer after its budget shows that Redis is back sooner than the next probe would. */
  #onLateReply(): void {
    if (!this.#isUsable && this.#client.status === 'ready') void this.#heal()
  }

  #open(fault: RedisFault): void {
    if (this.#isStopped) return
    const lostConnection = fault.kind !== 'slow'
    const why = `Redis${this.#deps.name && ` ${this.#deps.name}`} is away (${fault.message}); reads come from this process or from the loader`
    if (this.#isUsable || this.#firstVerdict !== undefined) {
      this.#problem = { component: 'redis', why, sinceMs: this.#deps.clock.nowMs() }
      this.#deps.logger.warn({ why: fault.message, kind: fault.kind }, 'cache: Redis is away')
      this.#deps.metrics.errors.bind('outage').add()
      this.#deadProbes = 0
    } else if (this.#problem !== undefined && isOutage(fault.kind) && fault.kind !== 'disconnected') {
      // What a retry meets says more than the loss itself, for example a wrong password.
      this.#problem = { ...this.#problem, why }
    }
    this.#isUsable = false
    this.#syncTimer?.cancel()
    this.#failPending(fault)
    this.#deps.onOpen(lostConnection)
    this.#giveFirstVerdict()
    if (this.#probeTimer === undefined) this.#scheduleProbe()
  }

  #failPending(fault: RedisFault): void {
    for (const pending of [...this.#pending]) pending.fail(fault)
  }

  #scheduleProbe(): void {
    if (this.#isStopped) return
    const delayMs = Math.min(PROBE_LAST_MS, PROBE_FIRST_MS * 2 ** this.#deadProbes) * (0.75 + this.#deps.random() / 2)
    this.#probeTimer?.cancel()
    this.#probeTimer = this.#deps.clock.after(delayMs, () => {
      this.#probeTimer = undefined
      if (this.#isUsable || this.#isStopped) return
      if (this.#client.status === 'ready') void this.#heal()
      else this.#scheduleProbe()
    })
  }

  async #heal(): Promise<void> {
    if (this.#isHealing || this.#isUsable || this.#isStopped) return
    this.#isHealing = true
    try {
      await this.#introduce()
      await this.#deps.onHeal()
      this.#close()
    } catch (error) {
      this.#onDeadProbe(toFault(error))
    } finally {
      this.#isHealing = false
    }
  }

  /** Probes, fences off what an earlier connection may still have in its socket, and reads the server's clock. */
  async #introduce(): Promise<void> {
    const id = Number(await this.sendUngated('control', 'client', ['id']))
    const lastRunId = this.#identity?.runId
    await this.#identify()
    // Another server gives the same numbers to others.
    if (this.#connectionId !== undefined && this.#connectionId !== id && this.#identity?.runId === lastRunId) {
      // Its unread commands must not run after what the new connection sends. Not allowed by an ACL, or gone already: nothing lost.
      await this.sendUngated('control', 'client', ['kill', 'id', this.#connectionId]).catch(() => undefined)
    }
    this.#connectionId = id
    await this.#syncTime()
  }

  /** Refuses a server that cannot be right: a replica answers with what was, and a member of a cluster holds a part. */
  async #identify(): Promise<void> {
    const isMember = this.#deps.name !== ''
    const info = (await this.sendUngated('control', 'info', []).catch(error => {
      if (isOutage(toFault(error).kind)) throw error
      return ''
    })) as Buffer | string
    this.#identity = parseIdentity(info.toString())
    if (this.#identity?.isReplica === true) throw new RedisFault('readonly', 'READONLY this server is a replica, and the cache needs the primary')
    if (this.#identity?.isClusterMember === true && !isMember) {
      throw new RedisFault('cluster', 'this server is a member of a cluster; give the cache { cluster: [its URL] }')
    }
    if (!isMember) return
    const state = String(await this.sendUngated('control', 'cluster', ['info']))
    if (!state.includes('cluster_state:ok')) throw new RedisFault('cluster', 'CLUSTERDOWN this member does not reach most of the others')
  }

  async #syncTime(): Promise<void> {
    const sentAtMs = this.#deps.clock.monotonicMs()
    const [seconds, micros] = (await this.sendUngated('control', 'time', [])) as [Buffer, Buffer]
    const serverMs = Number(seconds) * 1000 + Number(micros) / 1000
    // Reading the reply as if it were instant makes our idea of the server's time late; taking the sending moment makes it early or right.
    this.#serverOffsetMs = serverMs - sentAtMs
  }

  #onDeadProbe(fault: RedisFault): void {
    this.#deadProbes++
    if (this.#deadProbes >= DEAD_PROBES && this.#client.status === 'ready') {
      this.#deadProbes = 0
      this.#client.disconnect(true)
    }
    // The address may lead elsewhere by now: to the new primary.
    else if (fault.kind === 'readonly' && this.#client.status === 'ready') this.#client.disconnect(true)
    this.#open(fault)
    this.#scheduleProbe()
  }

  #close(): void {
    if (this.#isStopped || this.#client.status !== 'ready') return
    if (this.#firstVerdict === undefined) this.#deps.logger.info({}, 'cache: Redis is back')
    this.#isUsable = true
    this.#problem = this.#identity !== undefined && isTooOld(this.#identity) ? this.#tooOld(this.#identity) : undefined
    this.#deadProbes = 0
    this.#probeTimer?.cancel()
    this.#probeTimer = undefined
    this.#scheduleTimeSync()
    this.#deps.onUsable()
    this.#giveFirstVerdict()
  }

  #tooOld({ version }: ServerIdentity): HealthReason {
    const why = `Redis${this.#deps.name && ` ${this.#deps.name}`} is ${version}, and the cache is made for 6.2 and newer; it is used, and nothing is promised`
    return { component: 'redis', why, sinceMs: this.#deps.clock.nowMs() }
  }

  #scheduleTimeSync(): void {
    this.#syncTimer?.cancel()
    this.#syncTimer = this.#deps.clock.after(TIME_SYNC_MS, () => {
      this.#syncTime().catch(() => undefined)
      this.#scheduleTimeSync()
    })
  }

  #giveFirstVerdict(): void {
    this.#firstVerdict?.()
    this.#firstVerdict = undefined
  }
}
