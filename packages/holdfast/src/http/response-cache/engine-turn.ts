import { NO_REQUEST_CONTROL, type RequestControl, readRequestControl } from './control.ts'
import type { AskOrigin, EngineAnswer, EngineRequest, OriginReply } from './engine-contract.ts'
import type { Flight } from './flights.ts'
import { TRAIT } from './request-traits.ts'
import type { Outcome } from './respond.ts'
import type { StoredVariants, StoreOutcome } from './response-store.ts'
import type { StandIn } from './reuse.ts'
import { selectingValues } from './selection.ts'
import type { StoredResponse } from './stored-response.ts'

/** A request on its way through the engine. */
export interface Turn<Reply extends OriginReply> {
  readonly request: EngineRequest
  readonly control: RequestControl
  readonly ask: AskOrigin<Reply>
  /** What was stored when it came. */
  readonly variants: StoredVariants | undefined
}

/** A turn for which the origin is asked. */
export interface Fill<Reply extends OriginReply> extends Turn<Reply> {
  readonly need: Need
  readonly inBackground: boolean
  /** Those who follow, if they may. */
  readonly flight: Flight | undefined
}

/** Why it is asked, and what may stand in for its answer. */
export interface Need {
  readonly why: 'uri-miss' | 'vary-miss' | 'partial' | 'request' | 'stale'
  readonly selected: StoredResponse | undefined
  readonly standIn: StandIn
}

/** What came of it. */
export interface Filled<Reply extends OriginReply> {
  readonly answer: EngineAnswer<Reply>
  /** What others may be answered with; `outdated` when it is old already. */
  readonly stored: StoredResponse | 'outdated' | undefined
}

/** What the request asks of caches. */
export function controlOf({ traits, lines }: EngineRequest): RequestControl {
  return (traits & TRAIT.control) === 0 ? NO_REQUEST_CONTROL : readRequestControl(lines)
}

/** Requests for different variants do not wait for each other once it is known what makes variants. */
export function flightKey({ request, variants }: Pick<Turn<OriginReply>, 'request' | 'variants'>): string {
  if (variants === undefined || variants.varyBy.length === 0) return request.key
  return `${request.key}\n${JSON.stringify(selectingValues(variants.varyBy, request.lines))}`
}

/** What Cache-Status says of what became of it. */
export function wordOnStorage(kept: StoreOutcome | 'variants'): Pick<Outcome & { kind: 'forward' }, 'isStored' | 'detail'> {
  return kept === 'stored' ? { isStored: true } : kept === 'refused' ? {} : { detail: kept }
}
