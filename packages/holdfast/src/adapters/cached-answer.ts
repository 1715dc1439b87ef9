import { type Duration, parseDurationMs } from '../core/index.ts'

/** How the answer of a procedure or a handler may be stored by the response cache in front of it. */
export interface CachedOptions<Asked = unknown> {
  /** How long it is fresh. Whole seconds count. */
  readonly ttl: Duration
  /** How long after that it is served while it is fetched anew. Default `'0ms'`. */
  readonly staleWhileRevalidate?: Duration
  /** Who may be given it. `anonymous`: requests without cookies and `Authorization`. `everyone`: all; only where nothing looks at who asks.
   *  `identity`: who asked, by the `identity` of the route's rule; without such a rule it is not stored. Default `anonymous`. */
  readonly sharedBy?: 'anonymous' | 'everyone' | 'identity'
  /** Tags beside those of what is read from `hf.cache` meanwhile; a function is given what was asked. They show in `Cache-Tag`. */
  readonly tags?: readonly string[] | ((asked: Asked) => readonly string[])
}

/** {@link CachedOptions} for one answer, in base units. */
export interface AnswerRule {
  readonly lifeMs: number
  readonly staleMs: number
  readonly sharedBy: NonNullable<CachedOptions['sharedBy']>
  readonly tags: readonly string[]
}

/** Visible characters without comma, as a list field can carry them. */
const SENDABLE_TAG = /^[\x21-\x2b\x2d-\x7e]+$/

/** Checks options once; the rule for what is asked, or `undefined` when a tag could not be named, and so the answer not dropped. @throws HF_CONFIG_DURATION */
export function answerRule<Asked>({
  ttl,
  staleWhileRevalidate = '0ms',
  sharedBy = 'anonymous',
  tags = [],
}: CachedOptions<Asked>): (asked: Asked) => AnswerRule | undefined {
  const lifeMs = parseDurationMs(ttl)
  const staleMs = parseDurationMs(staleWhileRevalidate)
  return asked => {
    const named = typeof tags === 'function' ? tags(asked) : tags
    return named.every(tag => SENDABLE_TAG.test(tag)) ? { lifeMs, staleMs, sharedBy, tags: named } : undefined
  }
}

/** Fields of an answer that is made of several: the shortest of their times, the narrowest of their circles. Browsers and CDNs are told to ask each time, because
 *  nothing could drop what they hold. */
export function answerFields(rules: readonly AnswerRule[]): Record<string, string> {
  const circles = new Set(rules.map(({ sharedBy }) => sharedBy))
  const circle = circles.has('identity') ? 'private, ' : circles.has('anonymous') ? '' : 'public, '
  const lifeSec = Math.floor(Math.min(...rules.map(({ lifeMs }) => lifeMs)) / 1000)
  const staleSec = Math.floor(Math.min(...rules.map(({ staleMs }) => staleMs)) / 1000)
  const tags = [...new Set(rules.flatMap(rule => rule.tags))]
  return {
    'holdfast-cache-control': `${circle}max-age=${lifeSec}${staleSec > 0 ? `, stale-while-revalidate=${staleSec}` : ''}`,
    'cache-control': 'no-cache',
    ...(tags.length > 0 ? { 'cache-tag': tags.join(',') } : {}),
  }
}
