import { wireTag } from '../../core/index.ts'
import { type AssetRule, type ResolvedAssetRule, resolveAssetRules } from './asset-rules.ts'
import type { AssetVersions } from './asset-versions.ts'
import { plainAccept } from './image-choice.ts'

/** Options of the middleware of assets. */
export interface AssetOptions {
  readonly rules: readonly AssetRule[]
  /** Versions of the files: what is `immutable` is so only under a URL with the right version; under another one it is to be asked for each time. Without: names carry the version,
   *  as bundlers make them. */
  readonly versions?: AssetVersions
}

/** What is said of the answer to one request. */
export interface AssetAnswer {
  /** What the handler sees as Accept; `undefined`: as it came. */
  readonly accept: string | undefined
  /** The fields of an answer of this status that has these fields so far; `undefined`: it is left as it is. */
  fields(status: number, has: (name: string) => string | undefined): readonly (readonly [name: string, value: string])[] | undefined
}

/** Rules for assets, asked for each request. */
export interface AssetPolicy {
  /** `undefined`: no rule is for it. `url`: path and query as the client asked. */
  answer(method: string, url: string, accept: string | undefined): Promise<AssetAnswer | undefined>
}

/** What is asked for each time: a version that is not the one here may be that of another process during a deployment. */
const ASK_EACH_TIME = 'public, max-age=0, must-revalidate'

/** @throws HF_CONFIG_INVALID */
export function createAssetPolicy({ rules, versions }: AssetOptions): AssetPolicy {
  const resolved = resolveAssetRules(rules)
  return {
    async answer(method, url, accept) {
      if (method !== 'GET' && method !== 'HEAD') return undefined
      const path = url.split('?', 1)[0]!
      const found = resolved.find(({ pattern }) => pattern.test(path))
      if (found === undefined) return undefined
      const isSure = versions === undefined || found.rule.immutable !== true || (await versions.check(url)) === 'current'
      const formats = found.rule.formats ?? []
      const format = formats.length === 0 ? undefined : plainAccept(accept, formats)
      return { accept: format, fields: (status, has) => fieldsOf(found, isSure, status, has) }
    },
  }
}

function fieldsOf(
  { rule, cacheControl }: ResolvedAssetRule,
  isSure: boolean,
  status: number,
  has: (name: string) => string | undefined,
): readonly (readonly [string, string])[] | undefined {
  // An error under the name of a file must not live for a year.
  if (status !== 200 && status !== 206 && status !== 304) return undefined
  // The handler knows better who may see the answer.
  if (rule.browser !== 'no-store' && (/\b(?:private|no-store)\b/i.test(has('cache-control') ?? '') || has('set-cookie') !== undefined))
    return undefined
  const fields: [string, string][] = [['Cache-Control', isSure ? cacheControl : ASK_EACH_TIME]]
  if (rule.cors === true) fields.push(['Access-Control-Allow-Origin', '*'])
  if ((rule.formats ?? []).length > 0) fields.push(['Vary', withMember(has('vary'), 'Accept')])
  const tags = (rule.tags ?? []).map(wireTag)
  // An answer that the response cache has tagged already knows more.
  if (tags.length > 0 && has('cache-tag') === undefined && has('surrogate-key') === undefined) {
    fields.push(['Cache-Tag', tags.join(',')], ['Surrogate-Key', tags.join(' ')])
  }
  return fields
}

function withMember(value: string | undefined, member: string): string {
  if (value === undefined || value === '') return member
  return value.split(',').some(other => other.trim().toLowerCase() === member.toLowerCase() || other.trim() === '*') ? value : `${value}, ${member}`
}
