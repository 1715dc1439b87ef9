import type { BulkLoadContext, LoadMany } from './bulk-load.ts'
import type { NamespaceView, TieredCache } from './cache-contract.ts'
import { cacheErrors } from './errors.ts'
import { escapeGlob } from './glob.ts'
import type { Load } from './load-context.ts'
import type { GetOrSetOptions, SetOptions } from './options.ts'
import type { PatternDropOptions } from './pattern-drop.ts'

const MAX_NAME_LENGTH = 200

/** A view of `cache` in which all keys begin with `name`, and all entries carry a tag by which they are dropped together.
 *  @throws HF_CACHE_KEY_INVALID */
export function viewNamespace(cache: TieredCache<string>, name: string): NamespaceView<string> {
  if (typeof name !== 'string' || name.length === 0 || name.length > MAX_NAME_LENGTH) {
    throw cacheErrors.create('HF_CACHE_KEY_INVALID', `the name of a namespace is not a string of 1 to ${MAX_NAME_LENGTH} characters`)
  }
  return new View(cache, name)
}

class View implements NamespaceView<string> {
  readonly #cache: TieredCache<string>
  readonly #prefix: string
  readonly #tag: string
  readonly #onlyTag: { readonly tags: readonly string[] }

  constructor(cache: TieredCache<string>, name: string) {
    this.#cache = cache
    this.#prefix = `${name}:`
    this.#tag = `namespace:${name}`
    this.#onlyTag = { tags: [this.#tag] }
  }

  getOrSet<T>(key: string, load: Load<T>, options?: GetOrSetOptions<string>): Promise<T> {
    return this.#cache.getOrSet(this.#prefix + key, load, this.#tagged(options))
  }

  get<T>(key: string): Promise<T | undefined> {
    return this.#cache.get(this.#prefix + key)
  }

  async getMany<T>(keys: readonly string[]): Promise<Map<string, T>> {
    return this.#withoutPrefix(await this.#cache.getMany<T>(keys.map(key => this.#prefix + key)))
  }

  async getOrSetMany<T>(keys: readonly string[], loadMany: LoadMany<T>, options?: GetOrSetOptions<string>): Promise<Map<string, T>> {
    const load: LoadMany<T> = async (missing, ctx) => {
      const loaded = await loadMany(
        missing.map(key => key.slice(this.#prefix.length)),
        this.#bulkContext(ctx),
      )
      return [...loaded].map(([key, value]) => [this.#prefix + key, value] as const)
    }
    const prefixed = keys.map(key => this.#prefix + key)
    return this.#withoutPrefix(await this.#cache.getOrSetMany(prefixed, load, this.#tagged(options)))
  }

  peek<T>(key: string): T | undefined {
    return this.#cache.peek(this.#prefix + key)
  }

  set(key: string, value: unknown, options?: SetOptions<string>): Promise<void> {
    return this.#cache.set(this.#prefix + key, value, this.#tagged(options))
  }

  setMany(entries: Iterable<readonly [key: string, value: unknown]>, options?: SetOptions<string>): Promise<void> {
    const prefixed = [...entries].map(([key, value]) => [this.#prefix + key, value] as const)
    return this.#cache.setMany(prefixed, this.#tagged(options))
  }

  delete(key: string): Promise<boolean> {
    return this.#cache.delete(this.#prefix + key)
  }

  deletePattern(glob: string, options?: PatternDropOptions): Promise<number> {
    return this.#cache.deletePattern(escapeGlob(this.#prefix) + glob, options)
  }

  clear(): Promise<boolean> {
    return this.#cache.invalidateTags(this.#tag)
  }

  #tagged<O extends SetOptions<string>>(options: O | undefined): O | { readonly tags: readonly string[] } {
    if (options === undefined) return this.#onlyTag
    return { ...options, tags: options.tags === undefined ? this.#onlyTag.tags : [this.#tag, ...options.tags] }
  }

  #withoutPrefix<T>(values: Map<string, T>): Map<string, T> {
    return new Map([...values].map(([key, value]) => [key.slice(this.#prefix.length), value]))
  }

  #bulkContext(ctx: BulkLoadContext): BulkLoadContext {
    return {
      signal: ctx.signal,
      setTtl: (key, ttl) => ctx.setTtl(this.#prefix + key, ttl),
      setTags: (key, ...tags) => ctx.setTags(this.#prefix + key, ...tags),
      skipStore: key => ctx.skipStore(this.#prefix + key),
    }
  }
}
