import type { KeyForms } from '../http/response-cache/routing.ts'

/** Nothing is kept longer, however long it is fresh: marks of purges must outlive what they are about. 7 days. */
export const LONGEST_KEPT_SEC = 604_800

/** SHA-256 in hex: names of any length and content become part of a URL. */
export async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
}

/** The host of a key: a partition in quotation marks may stand before its URL. */
export function hostOf(key: string): string {
  return HOST.exec(key)?.[1] ?? 'unknown.invalid'
}

const HOST = /^(?:"(?:[^"\\]|\\.)*" )?https?:\/\/([^/]+)/

/** How keys are written here. Entries are named by a digest of the key, so nothing has to be shortened or hidden. */
export const KEY_FORMS: KeyForms = {
  fit: key => key,
  partition: identity => `${JSON.stringify(identity)} `,
}
