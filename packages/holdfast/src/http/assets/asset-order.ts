/** What asset rules have taken in hand: responses of node, contexts of Hono. */
const ruled = new WeakSet<object>()

/** Asset rules will say what may be stored of the answer. */
export function markRuled(answer: object): void {
  ruled.add(answer)
}

/** True when they will. Asked by the response cache as the request comes to it: then they stand before it, and what they say comes too late. */
export function isRuled(answer: object): boolean {
  return ruled.has(answer)
}
