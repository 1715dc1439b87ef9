import type { ConfigProblems } from '../core/index.ts'

/** What each event of the application makes old: its payload to tags. `E`: event names to payloads. */
export type InvalidationEvents<E extends object> = { readonly [K in keyof E]: (payload: E[K]) => readonly string[] }

/** Any number of them, as the cache keeps them. */
export type ResolvedEvents = ReadonlyMap<string, (payload: unknown) => readonly string[]>

/** Checks that each is a function. */
export function resolveEvents(problems: ConfigProblems, events: object): ResolvedEvents {
  const resolved = new Map(Object.entries(events))
  for (const [name, tagsOf] of resolved)
    if (typeof tagsOf !== 'function') problems.add(`cache.invalidation.${name}`, 'must be a function from payload to tags')
  return resolved
}
