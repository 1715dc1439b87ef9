import type { TieredCache } from '../cache/index.ts'
import { type CdnOptions, createPurgeBus, createPurgeQueue, type PurgeBus, resolveCdnOptions } from '../cdn/index.ts'
import { type Clock, type Logger, namespaceWireTag, wireTag } from '../core/index.ts'
import type { ResponseCacheCdn } from '../http/index.ts'
import type { UserPool } from '../postgres/index.ts'
import type { Registry } from '../telemetry/index.ts'

/** CDNs as a part of a Holdfast, in two steps: the cache needs somebody to tell before there is the pool in which purges wait. */
export interface ComposedCdn {
  /** For the cache: what it forgets is purged. */
  readonly onInvalidate: (tags: readonly string[]) => Promise<boolean>
  /** For the response cache. */
  readonly responses: ResponseCacheCdn
  /** Makes the bus. @throws HF_CONFIG_INVALID */
  open(pool: UserPool | undefined, cache: TieredCache): PurgeBus
}

/** Puts them together. @throws HF_CONFIG_INVALID naming every bad option at once */
export function composeCdn(
  options: CdnOptions,
  namespace: string,
  deps: { readonly clock: Clock; readonly logger: Logger; readonly registry: Registry },
): ComposedCdn {
  let bus: PurgeBus | undefined
  const { providers } = resolveCdnOptions(options)
  const common = namespaceWireTag(namespace)
  return {
    onInvalidate: async tags => (await bus?.purge({ kind: 'tag', tags: tags.map(tag => (tag === '' ? common : wireTag(tag))) })) ?? false,
    responses: {
      names: providers.map(provider => provider.name),
      fields: { fields: providers.map(provider => provider.tagField), cacheGroups: options.cacheGroups ?? false, common },
      purgeUrl: async url => bus?.purge({ kind: 'url', urls: [url] }),
    },
    open(pool, cache) {
      bus = createPurgeBus(options, { ...deps, queue: createPurgeQueue(namespace, pool, cache), random: Math.random })
      return bus
    },
  }
}
