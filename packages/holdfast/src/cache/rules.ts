import type { ConfigProblems, Duration, Size } from '../core/index.ts'
import { compressFrom, duration, earlyFactor, flag, rejectUnknown } from './option-parsing.ts'

/** Defaults for keys that begin alike, between the options of the cache and those of a call. `L`: names of lifetimes. */
export interface CacheRule<L extends string = never> {
  /** How the keys begin, for example `'user:'`. Of several that fit the longest counts, alone. */
  readonly prefix: string
  readonly ttl?: Duration | L
  readonly nullTtl?: Duration | L
  readonly grace?: Duration | L
  readonly earlyRefresh?: boolean | number
  readonly compress?: false | Size
  readonly clone?: boolean
  /** Added to the tags of each call. */
  readonly tags?: readonly string[]
  /** The tier in this process: false for values that shall take no room there; `ttl` as the option `l1.ttl` of the cache. */
  readonly l1?: false | { readonly ttl: Duration | L }
}

/** A rule, checked and in base units. `undefined`: the default of the cache. */
export interface ResolvedRule {
  readonly prefix: string
  readonly ttlMs: number | undefined
  readonly nullTtlMs: number | undefined
  readonly graceMs: number | undefined
  readonly earlyFactor: number | undefined
  readonly compressFromBytes: number | undefined
  readonly clone: boolean | undefined
  readonly tags: readonly string[]
  /** 0: not in memory. */
  readonly memoryTtlMs: number | undefined
}

const KNOWN: ReadonlySet<string> = new Set(['prefix', 'ttl', 'nullTtl', 'grace', 'earlyRefresh', 'compress', 'clone', 'tags', 'l1'])
/** They are gone through one by one at each miss, which for so many costs about a microsecond. */
const MAX_RULES = 100
const LIFETIME_NAME = /^[A-Za-z][\w.-]{0,63}$/

/** Checks named lifetimes. */
export function resolveLifetimes(problems: ConfigProblems, lifetimes: Readonly<Record<string, Duration>>): ReadonlyMap<string, number> {
  const resolved = new Map<string, number>()
  for (const [name, text] of Object.entries(lifetimes)) {
    const path = `cache.lifetimes.${name}`
    if (!LIFETIME_NAME.test(name)) problems.add(path, 'must be named by a letter, then letters, digits, ".", "_" or "-", at most 64')
    resolved.set(name, duration(problems, path, text, 1, true))
  }
  return resolved
}

/** Checks rules; the longest prefix first. `checkTags` throws when one is not a tag. */
export function resolveRules(
  problems: ConfigProblems,
  rules: readonly CacheRule<string>[],
  lifetimes: ReadonlyMap<string, number>,
  checkTags: (tags: readonly unknown[]) => readonly string[],
): readonly ResolvedRule[] {
  if (rules.length > MAX_RULES) problems.add('cache.rules', `are ${rules.length} (limit ${MAX_RULES})`)
  const seen = new Set<string>()
  const resolved = rules.map((rule, i): ResolvedRule => {
    const path = `cache.rules[${i}]`
    rejectUnknown(problems, path, rule, KNOWN)
    if (typeof rule.prefix !== 'string' || rule.prefix === '') problems.add(`${path}.prefix`, 'must be a text that is not empty')
    if (seen.has(rule.prefix)) problems.add(`${path}.prefix`, `${JSON.stringify(rule.prefix)} has a rule already`)
    seen.add(rule.prefix)
    const time = (name: string, text: string | undefined, mustBePositive = true): number | undefined =>
      text === undefined ? undefined : (lifetimes.get(text) ?? duration(problems, `${path}.${name}`, text as Duration, 1, mustBePositive))
    return {
      prefix: rule.prefix,
      ttlMs: time('ttl', rule.ttl),
      nullTtlMs: time('nullTtl', rule.nullTtl),
      graceMs: time('grace', rule.grace, false),
      earlyFactor: rule.earlyRefresh === undefined ? undefined : earlyFactor(problems, `${path}.earlyRefresh`, rule.earlyRefresh),
      compressFromBytes: rule.compress === undefined ? undefined : compressFrom(problems, `${path}.compress`, rule.compress),
      clone: rule.clone === undefined ? undefined : flag(problems, `${path}.clone`, rule.clone),
      tags: problems.attempt(`${path}.tags`, () => checkTags(rule.tags ?? []), []),
      memoryTtlMs: rule.l1 === false ? 0 : time('l1.ttl', rule.l1?.ttl),
    }
  })
  return resolved.toSorted((a, b) => b.prefix.length - a.prefix.length)
}

/** The rule for a key. O(rules). */
export function ruleFor(rules: readonly ResolvedRule[], key: string): ResolvedRule | undefined {
  for (const rule of rules) if (key.startsWith(rule.prefix)) return rule
  return undefined
}
