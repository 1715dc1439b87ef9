import type { FieldLines } from '../fields/fields.ts'
import type { RouteRules } from './engine-contract.ts'
import type { StoredVariants } from './response-store.ts'
import { selectingValues } from './selection.ts'
import { varyFields } from './storage-rules.ts'
import type { StoredResponse } from './stored-response.ts'
import { hasValidator } from './validation.ts'

/** The newest whole response that the request selects (RFC 9111 4.1). */
export function select(variants: StoredVariants, lines: FieldLines): StoredResponse | undefined {
  const [newest] = variants.responses
  // Almost always: nothing varies.
  if (variants.varyBy.length === 0 && newest?.selectedBy.length === 0 && newest.part === undefined) return newest
  const values = selectingValues(variants.varyBy, lines)
  return variants.responses.find(response => response.part === undefined && response.selectedBy.every((value, i) => value === values[i]))
}

/** True when the request selects this response. */
export function selects(stored: StoredResponse, lines: FieldLines): boolean {
  const values = selectingValues(varyFields(stored.lines) ?? [], lines)
  return stored.selectedBy.every((value, i) => value === values[i])
}

/** True when the same requests select both. */
export function isSameSelection(a: StoredResponse, b: StoredResponse): boolean {
  return a.selectedBy.length === b.selectedBy.length && a.selectedBy.every((value, i) => value === b.selectedBy[i])
}

/** True when both are the same response, also when one was read anew. */
export function isSameResponse(a: StoredResponse, b: StoredResponse): boolean {
  return (
    a === b ||
    (a.bornAtMs === b.bornAtMs &&
      a.etag === b.etag &&
      a.part?.first === b.part?.first &&
      a.body.byteLength === b.body.byteLength &&
      isSameSelection(a, b))
  )
}

/** What a validation asks about: the selected response, and others of the key that have tags; none when the selected one has no validator. */
export function withValidators(variants: StoredVariants | undefined, selected: StoredResponse): StoredResponse[] {
  const others = variants?.responses.filter(response => response !== selected && response.part === undefined && response.etag !== undefined) ?? []
  return hasValidator(selected) ? [selected, ...others] : []
}

/** Until when a response is worth keeping: while it is fresh, may be served stale, or can be confirmed. */
export function aliveUntilMs({ freshUntilMs, control, ...stored }: StoredResponse, rules: RouteRules): number {
  const staleMs = Math.max(
    rules.staleWhileRevalidateMs,
    rules.staleIfErrorMs,
    (control.staleWhileRevalidateSec ?? 0) * 1000,
    (control.staleIfErrorSec ?? 0) * 1000,
    stored.etag !== undefined || stored.lastModified !== undefined || rules.mayServeDisconnected ? rules.keepStaleMs : 0,
  )
  return freshUntilMs + staleMs
}
