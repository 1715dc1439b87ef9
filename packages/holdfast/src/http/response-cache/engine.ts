import { type FieldLines, fieldValue, filterFields } from '../fields/fields.ts'
import { answerFor, WHOLE } from './conditions.ts'
import { type RequestControl, readRequestControl, readResponseControl } from './control.ts'
import type { AskOrigin, EngineAnswer, EngineDeps, EngineRequest, OriginReply } from './engine-contract.ts'
import { controlOf, type Fill, type Filled, flightKey, type Need, type Turn, wordOnStorage } from './engine-turn.ts'
import { type Flight, Flights } from './flights.ts'
import type { Exchange } from './freshness.ts'
import { invalidatedKeys, isUnsafe } from './invalidation.ts'
import { KeyMarks } from './key-marks.ts'
import { OWN_TARGET } from './own-target.ts'
import { lengthOf, type Part, partOf } from './part.ts'
import { besides, selectPart, whyMissed } from './parts.ts'
import type { Representation } from './representation.ts'
import { TRAIT } from './request-traits.ts'
import { type CacheAnswer, type ForwardReason, hitAnswer, hitOutcome, type Outcome, respond, statusLines } from './respond.ts'
import type { FillTicket, StoredVariants, StoreOutcome } from './response-store.ts'
import { invalidatedTags, responseTags } from './response-tags.ts'
import { decideReuse } from './reuse.ts'
import { selectingValues } from './selection.ts'
import { isForOne, isWhole, linesForReceiver, varyFields, whyUnstorable } from './storage-rules.ts'
import { freshen, lifetimeMs, type StoredResponse, toStored } from './stored-response.ts'
import { agreesWithHead, conditional, confirmedBy, unconditional, understandable, wholeSizeBytes, withConditions } from './validation.ts'
import { aliveUntilMs, isSameResponse, select, selects, withValidators } from './variants.ts'

/** Responses of one key; more are dropped, oldest first, since a client chooses the values that Vary selects by. */
const VARIANT_LIMIT = 32
/** How long answers to a key count as not shareable after one was not. */
const ALONE_MS = 10_000
/** How long a key whose first answer was a 304 or a part is remembered: the next request fetches the whole. */
const WHOLE_MS = 600_000
/** How long a key that is full of variants takes no further one after it took one: each costs a writing of all, and their number is a client's choice. */
const CROWDED_MS = 100
/** Keys of each kind that are remembered. */
const MARK_LIMIT = 10_000
/** Answers that a condition or a range asked for. */
const OF_A_WISH: ReadonlySet<number> = new Set([206, 304, 416])
/** RFC 5861 4. */
const ORIGIN_ERRORS: ReadonlySet<number> = new Set([500, 502, 503, 504])

/** A shared HTTP cache in front of an origin (RFC 9111). Pure of sockets and frameworks: the faces carry requests in and answers out. */
export class CacheEngine<Reply extends OriginReply> {
  readonly #deps: EngineDeps
  readonly #flights: Flights
  /** Keys whose answers nobody can share (hit-for-miss), so that nobody waits in vain. */
  readonly #alone = new KeyMarks(MARK_LIMIT)
  /** Keys whose whole answer is to be asked for, because conditions got something else. */
  readonly #whole = new KeyMarks(MARK_LIMIT)
  /** Keys that have all the variants they may have, and took another one just now. */
  readonly #crowded = new KeyMarks(MARK_LIMIT)
  readonly #background = new Set<Promise<void>>()

  constructor(deps: EngineDeps) {
    this.#deps = deps
    this.#flights = new Flights(deps.clock)
  }

  /** Answers one request. Rejects only with what `ask` rejects with. */
  async handle(request: EngineRequest, ask: AskOrigin<Reply>): Promise<EngineAnswer<Reply>> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return this.#forwardOther(request, ask)
    if ((request.traits & TRAIT.precondition) !== 0) return this.#pass(request, ask, 'bypass')
    const { rules, key } = request
    const control = controlOf(request)
    const obeyed = rules.obeysRequests ? control : undefined
    const variants = this.#deps.store.peek(key) ?? (await this.#deps.store.find(key))
    const selected = variants && select(variants, request.lines)
    if (selected !== undefined) return this.#reuse({ request, control, ask, variants }, selected, obeyed)
    const nowMs = this.#deps.clock.nowMs()
    const part = variants && selectPart(variants, request, nowMs)
    if (part !== undefined && decideReuse(part, obeyed, rules, nowMs).kind === 'fresh') return this.#hit(request, part)
    if (obeyed?.onlyIfCached) return this.#refuse(request)
    const why = whyMissed(variants)
    if (request.method === 'HEAD') return this.#pass(request, ask, why)
    const turn: Turn<Reply> = { request, control, ask, variants }
    const need: Need = { why, selected: undefined, standIn: 'never' }
    if (!this.#alone.has(key, nowMs)) return this.#collapse(turn, need)
    // Nothing will come of it, most likely: nobody waits, and conditions are the handler's to answer. A part of what is too large may be kept.
    const isPassed = (request.traits & TRAIT.conditional) !== 0 && (request.traits & TRAIT.range) === 0
    return isPassed ? this.#pass(request, ask, why) : this.#fill(turn, need, false, undefined)
  }

  /** The answer when a fresh response is in this process and nothing needs to be asked; else `undefined`, and nothing has happened. */
  peek(request: EngineRequest): CacheAnswer | undefined {
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
    if ((request.traits & TRAIT.precondition) !== 0) return undefined
    const variants = this.#deps.store.peek(request.key)
    const selected = variants && select(variants, request.lines)
    if (selected === undefined) return undefined
    const obeyed = request.rules.obeysRequests ? controlOf(request) : undefined
    const nowMs = this.#deps.clock.nowMs()
    if (decideReuse(selected, obeyed, request.rules, nowMs).kind !== 'fresh') return undefined
    const representation = this.#represent(request, selected)
    return representation instanceof Promise ? undefined : this.#sendHit(request, selected, representation, nowMs)
  }

  /** Forgets what is stored for `key`; what is under way is not stored. */
  async purge(key: string): Promise<void> {
    this.detach(key)
    await this.#deps.store.drop(key)
  }

  /** Later requests for `key` do not follow what is under way, because a purge has been noted. */
  detach(key: string): void {
    this.#flights.detach(key)
    this.#alone.delete(key)
  }

  #reuse(turn: Turn<Reply>, selected: StoredResponse, obeyed: RequestControl | undefined): EngineAnswer<Reply> | Promise<EngineAnswer<Reply>> {
    const { request, ask } = turn
    const reuse = decideReuse(selected, obeyed, request.rules, this.#deps.clock.nowMs())
    if (reuse.kind !== 'validate') {
      if (reuse.kind === 'stale' && reuse.revalidate) this.#revalidate(turn, selected)
      return this.#hit(request, selected)
    }
    if (obeyed?.onlyIfCached) return this.#refuse(request)
    if (request.method === 'HEAD') return this.#forwardHead(request, ask, selected)
    return this.#collapse(turn, { why: reuse.why === 'request' ? 'request' : 'stale', selected, standIn: reuse.standIn })
  }

  async #hit(request: EngineRequest, stored: StoredResponse, detail?: string): Promise<EngineAnswer<Reply>> {
    const nowMs = this.#deps.clock.nowMs()
    if (detail !== undefined) return this.#answer(request, stored, hitOutcome(stored, nowMs, detail))
    return { kind: 'stored', answer: this.#sendHit(request, stored, await this.#represent(request, stored), nowMs) }
  }

  async #answer(request: EngineRequest, stored: StoredResponse, outcome: Outcome, forReceiver?: FieldLines): Promise<EngineAnswer<Reply>> {
    return { kind: 'stored', answer: this.#send(request, stored, await this.#represent(request, stored), outcome, forReceiver) }
  }

  #represent({ lines, traits, rules }: EngineRequest, stored: StoredResponse): Representation | Promise<Representation> {
    const { representations } = this.#deps
    // A part is one of what is stored: who puts parts together knows nothing of our encodings.
    if ((traits & TRAIT.range) !== 0) return representations.identityOf(stored, rules)
    const isWished = (traits & TRAIT.acceptEncoding) !== 0 && !((traits & TRAIT.control) !== 0 && readRequestControl(lines).noTransform)
    return representations.of(stored, isWished ? fieldValue(lines, 'accept-encoding') : undefined, rules)
  }

  #sendHit(request: EngineRequest, stored: StoredResponse, representation: Representation, nowMs: number): CacheAnswer {
    // Almost every request is without conditions.
    const isPlain = (request.traits & TRAIT.conditional) === 0 && stored.part === undefined
    const answer = isPlain ? WHOLE : answerFor(request.method, request.lines, stored, representation, nowMs)
    if (answer.kind !== 'whole' && answer.kind !== 'not-modified') return this.#send(request, stored, representation, hitOutcome(stored, nowMs))
    const hit = hitAnswer(stored, representation, request.method, answer.kind === 'not-modified', nowMs)
    this.#deps.onOutcome(hit.outcome, request, stored)
    return hit
  }

  #send(request: EngineRequest, stored: StoredResponse, representation: Representation, outcome: Outcome, forReceiver?: FieldLines): CacheAnswer {
    const nowMs = this.#deps.clock.nowMs()
    this.#deps.onOutcome(outcome, request, stored)
    const answer = (request.traits & TRAIT.conditional) === 0 ? WHOLE : answerFor(request.method, request.lines, stored, representation, nowMs)
    return respond(stored, representation, request.method, answer, outcome, nowMs, forReceiver)
  }

  /** RFC 9111 5.2.1.7. */
  #refuse(request: EngineRequest): EngineAnswer<Reply> {
    const outcome: Outcome = { kind: 'refused' }
    this.#deps.onOutcome(outcome, request, undefined)
    return { kind: 'stored', answer: { status: 504, lines: [...statusLines(outcome, []), 'Content-Length', '0'], body: undefined, outcome } }
  }

  async #pass(request: EngineRequest, ask: AskOrigin<Reply>, why: ForwardReason): Promise<EngineAnswer<Reply>> {
    const { store, toCdn } = this.#deps
    const outcome: Outcome = { kind: 'forward', why }
    if (toCdn === undefined || request.method !== 'GET') return this.#passed(request, await ask(understandable(request), false), outcome)
    const ticket = await store.begin(request.key, request.tags)
    try {
      return this.#passed(request, await ticket.run(() => ask(understandable(request), false)), outcome, ticket)
    } finally {
      store.end(ticket)
    }
  }

  /** `ticket`: of an answer that a CDN may store although it is not stored here. */
  #passed(request: EngineRequest, reply: Reply, outcome: Outcome, ticket?: FillTicket): EngineAnswer<Reply> {
    this.#deps.onOutcome(outcome, request, undefined)
    const own = filterFields(reply.lines, name => name !== OWN_TARGET && name !== 'cache-status')
    const { toCdn } = this.#deps
    const tagged =
      ticket === undefined || toCdn === undefined ? own : toCdn(own, responseTags(ticket.tags(), reply.lines), isForOne(request, reply.lines))
    return { kind: 'passed', reply, lines: [...tagged, ...statusLines(outcome, reply.lines)], outcome }
  }

  async #forwardOther(request: EngineRequest, ask: AskOrigin<Reply>): Promise<EngineAnswer<Reply>> {
    const reply = await ask(understandable(request), false)
    if (isUnsafe(request.method)) {
      for (const key of invalidatedKeys(request, reply)) await this.purge(key)
      await this.#deps.store.invalidate(invalidatedTags(reply), request.key)
    }
    return this.#passed(request, reply, { kind: 'forward', why: 'method' })
  }

  /** RFC 9111 4.3.5: the answer to a HEAD also tells whether what is stored for GET is still right. */
  async #forwardHead(request: EngineRequest, ask: AskOrigin<Reply>, selected: StoredResponse): Promise<EngineAnswer<Reply>> {
    const { clock, store } = this.#deps
    const ticket = await store.begin(request.key, request.tags)
    const requestedAtMs = clock.nowMs()
    try {
      const reply = await ticket.run(() => ask(unconditional(request.lines), false))
      const exchange = { requestedAtMs, receivedAtMs: clock.nowMs() }
      if (reply.status === selected.status && !agreesWithHead(selected, reply.lines)) await this.purge(request.key)
      else if (reply.status === selected.status) {
        const tags = responseTags([...ticket.tags(), ...selected.tags], reply.lines)
        if (tags !== undefined) await this.#keep(request, ticket, freshen(selected, reply.lines, exchange, request.rules, tags), selected)
      }
      return this.#passed(request, reply, { kind: 'forward', why: 'stale' })
    } finally {
      store.end(ticket)
    }
  }

  #revalidate(turn: Turn<Reply>, selected: StoredResponse): void {
    const key = flightKey(turn)
    if (this.#flights.get(key) !== undefined) return
    const background: Turn<Reply> = { ...turn, request: { ...turn.request, method: 'GET' } }
    const work = this.#fill(background, { why: 'stale', selected, standIn: 'never' }, true, this.#flights.begin(key)).then(
      answer => {
        if (answer.kind === 'passed') answer.reply.discard()
      },
      error => this.#deps.onBackgroundError(error),
    )
    this.#background.add(work)
    turn.request.keepAlive?.(work)
    void work.finally(() => this.#background.delete(work))
  }

  /** Resolves when what is fetched in the background now has come. */
  async idle(): Promise<void> {
    await Promise.all(this.#background)
  }

  /** Follows a request under way for the same thing, or goes ahead. */
  async #collapse(turn: Turn<Reply>, need: Need, isSecondTime = false): Promise<EngineAnswer<Reply>> {
    const { request } = turn
    const key = flightKey(turn)
    const flight = this.#flights.get(key)
    if (flight === undefined) return this.#fill(turn, need, false, this.#flights.begin(key))
    // A request that insists on validation is not answered by what was asked for before it came.
    if (need.why === 'request') return this.#fill(turn, need, false, undefined)
    const stored = await this.#flights.follow(flight)
    // What it was made of changed before it was there. Those who waited are one request again, once, and then each is its own: nobody waits in a row.
    if (stored === 'outdated') return isSecondTime ? this.#fill(turn, need, false, undefined) : this.#collapse(turn, need, true)
    if (stored === undefined || !selects(stored, request.lines) || stored.control.noCache) return this.#fill(turn, need, false, undefined)
    return this.#answer(request, stored, { kind: 'forward', why: need.why, isCollapsed: true })
  }

  async #fill(turn: Turn<Reply>, need: Need, inBackground: boolean, flight: Flight | undefined): Promise<EngineAnswer<Reply>> {
    let landed: StoredResponse | 'outdated' | undefined
    try {
      const { answer, stored } = await this.#exchange({ ...turn, need, inBackground, flight })
      landed = stored
      return answer
    } finally {
      flight?.land(landed)
    }
  }

  /** Asks the origin, and answers by what it says. */
  async #exchange(fill: Fill<Reply>): Promise<Filled<Reply>> {
    const { clock, store } = this.#deps
    const { request, need, variants } = fill
    const { selected, standIn } = need
    const candidates = selected === undefined ? [] : withValidators(variants, selected)
    const ticket = await store.begin(request.key, request.tags)
    const requestedAtMs = clock.nowMs()
    try {
      const ownWish = selected === undefined && !fill.inBackground ? this.#wishToForward(request) : undefined
      const lines = candidates.length > 0 ? conditional(request.lines, candidates) : (ownWish ?? unconditional(request.lines))
      const reply = await ticket.run(() => fill.ask(lines, fill.inBackground))
      const exchange = { requestedAtMs, receivedAtMs: clock.nowMs() }
      if (ownWish !== undefined && OF_A_WISH.has(reply.status)) return await this.#takeWished(fill, reply, exchange, ticket)
      if (reply.status === 304 && candidates.length > 0) return await this.#confirm(fill, reply, exchange, ticket, candidates)
      if (selected !== undefined && standIn === 'on-error' && ORIGIN_ERRORS.has(reply.status)) {
        reply.discard()
        return { answer: await this.#hit(request, selected, `origin-${reply.status}`), stored: undefined }
      }
      return await this.#take(fill, reply, exchange, ticket)
    } catch (error) {
      if (selected === undefined || standIn === 'never') throw error
      return { answer: await this.#hit(request, selected, 'origin-unreachable'), stored: undefined }
    } finally {
      store.end(ticket)
    }
  }

  /** The request with its condition and range, when the origin may answer them first: nothing is stored that the cache could answer them from. */
  #wishToForward(request: EngineRequest): FieldLines | undefined {
    if ((request.traits & TRAIT.conditional) === 0) return undefined
    const nowMs = this.#deps.clock.nowMs()
    // The whole of what nobody can share would be made for a part, each time.
    return this.#whole.has(request.key, nowMs) && !this.#alone.has(request.key, nowMs) ? undefined : withConditions(request.lines)
  }

  /** A 304 answers this request and nobody else's, a part those who ask for no more than is in it. Others ask for the whole, unless that is too large to be kept. */
  async #takeWished(fill: Fill<Reply>, reply: Reply, exchange: Exchange, ticket: FillTicket): Promise<Filled<Reply>> {
    const { request, need, flight } = fill
    const isTooLarge = wholeSizeBytes(reply.lines) > request.rules.maxBodyBytes
    if (isTooLarge) this.#markAlone(request)
    else this.#whole.set(request.key, this.#deps.clock.nowMs() + WHOLE_MS)
    flight?.land(isTooLarge ? undefined : 'outdated')
    const part = partOf(reply.status, reply.lines)
    const taken = part && lengthOf(part) <= request.rules.maxBodyBytes ? (await this.#take(fill, reply, exchange, ticket, part)).answer : undefined
    return { answer: taken ?? this.#passed(request, reply, { kind: 'forward', why: need.why, status: reply.status }), stored: undefined }
  }

  async #confirm(
    fill: Fill<Reply>,
    reply: Reply,
    exchange: Exchange,
    ticket: FillTicket,
    candidates: readonly StoredResponse[],
  ): Promise<Filled<Reply>> {
    const { request, need } = fill
    reply.discard()
    const confirmed = confirmedBy(reply.lines, candidates)
    // A 304 about something that is not here: ask again, for the whole.
    if (confirmed === undefined) return this.#exchange({ ...fill, need: { ...need, selected: undefined, standIn: 'never' } })
    // What was confirmed still depends on what it was made of.
    const tags = responseTags([...ticket.tags(), ...confirmed.tags], reply.lines)
    const stored = freshen(confirmed, reply.lines, exchange, request.rules, tags ?? [])
    const kept = tags === undefined ? 'refused' : await this.#keep(request, ticket, stored, confirmed)
    const outcome: Outcome = { kind: 'forward', why: need.why, status: 304, isStored: kept === 'stored' }
    const own = linesForReceiver(reply.lines, readResponseControl(reply.lines, request.rules.targets))
    return { answer: await this.#answer(request, stored, outcome, own), stored: kept === 'outdated' ? kept : stored }
  }

  /** Stores what came, if it may be, and answers with it. */
  async #take(fill: Fill<Reply>, reply: Reply, exchange: Exchange, ticket: FillTicket, part?: Part): Promise<Filled<Reply>> {
    const { request, need, flight } = fill
    const { rules, lines } = request
    const control = readResponseControl(reply.lines, rules.targets)
    const freshMs = lifetimeMs(reply.status, reply.lines, control, exchange, rules)
    const outcome: Outcome = { kind: 'forward', why: need.why, status: reply.status }
    const unstorable = whyUnstorable({
      method: 'GET',
      requestLines: lines,
      requestControl: fill.control,
      status: reply.status,
      lines: reply.lines,
      control,
      hasLifetime: freshMs !== undefined,
      mayFill: rules.mayFill,
      isPartitioned: rules.isPartitioned,
      isPart: part !== undefined,
      ignoresCookies: rules.ignoresCookies,
    })
    if (unstorable !== undefined) {
      // What this one request wished or lacked says nothing about the next one's.
      if (unstorable !== 'request-no-store' && unstorable !== 'untrusted') this.#markAlone(request)
      return { answer: this.#passed(request, reply, { ...outcome, detail: unstorable }, ticket), stored: undefined }
    }
    // What must be validated each time is nobody else's answer.
    flight?.decide(control.noCache || freshMs === 0 ? 'alone' : 'shared')
    const body = await reply.collect(rules.maxBodyBytes)
    if (body === undefined || !isWhole(reply.lines, body, part)) {
      this.#markAlone(request)
      return {
        answer: this.#passed(request, reply, { ...outcome, detail: body === undefined ? 'too-large' : 'incomplete' }, ticket),
        stored: undefined,
      }
    }
    const names = varyFields(reply.lines) ?? []
    const tags = responseTags(ticket.tags(), reply.lines)
    const origin = { status: reply.status, lines: reply.lines, body, tags: tags ?? [], route: request.routeOf?.() ?? need.selected?.route }
    const stored = toStored(origin, control, exchange, freshMs ?? 0, selectingValues(names, lines))
    const kept = tags === undefined ? 'tags' : await this.#keep(request, ticket, stored, need.selected)
    if (kept === 'stored' && part === undefined) this.#alone.delete(request.key)
    const own = linesForReceiver(reply.lines, control)
    return { answer: await this.#answer(request, stored, { ...outcome, ...wordOnStorage(kept) }, own), stored: kept === 'outdated' ? kept : stored }
  }

  #markAlone(request: EngineRequest): void {
    this.#alone.set(request.key, this.#deps.clock.nowMs() + ALONE_MS)
  }

  /** Puts a response among the variants of its key, in the place of `replaced`. The others are read anew, as they are now. */
  async #keep(
    request: EngineRequest,
    ticket: FillTicket,
    stored: StoredResponse,
    replaced: StoredResponse | undefined,
  ): Promise<StoreOutcome | 'variants'> {
    const nowMs = this.#deps.clock.nowMs()
    if (replaced === undefined && this.#crowded.has(request.key, nowMs)) return 'variants'
    const before = await ticket.readCurrent()
    // A confirmed response that is no longer there was dropped meanwhile, and the confirmation may be older than that.
    if (stored.body === replaced?.body && !before?.responses.some(other => isSameResponse(other, replaced))) return 'outdated'
    const varyBy = varyFields(stored.lines) ?? []
    const isSameVary = before !== undefined && before.varyBy.join() === varyBy.join()
    const others = besides(stored, isSameVary ? before.responses : [], request.rules.maxBodyBytes)
    if (others === undefined) return 'refused'
    const variants: StoredVariants = { varyBy, responses: [stored, ...others].slice(0, VARIANT_LIMIT) }
    if (others.length >= VARIANT_LIMIT) this.#crowded.set(request.key, nowMs + CROWDED_MS)
    const aliveMs = Math.max(...variants.responses.map(response => aliveUntilMs(response, request.rules))) - nowMs
    return aliveMs <= 0 ? 'refused' : ticket.put(variants, aliveMs)
  }
}
