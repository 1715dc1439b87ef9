import type {
  CacheInvalidation,
  CacheInvalidationAnswer,
  CacheKeyAnswer,
  CacheMetricsAnswer,
  CacheTagCountAnswer,
} from '../../../src/api/cache-contract.ts'
import type { AdviceAnswer, FindingAction, FindingDetail, FindingList, Problem, SnoozeRequest } from '../../../src/api/contract.ts'
import { mountPath } from '../mount.ts'

/** The path under which everything of this console lies, with a slash at its end. */
export const MOUNT: string = mountPath(import.meta.url)

/** An answer that is not 2xx, or none at all. */
export class ApiProblem extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

const UNREACHABLE: Problem = {
  type: 'about:blank',
  title: 'Console not reachable',
  status: 0,
  code: '',
  detail: 'The console did not answer.',
  hint: 'See whether its process still runs; this page tries again by itself.',
}

/** Address of the live stream over a window. */
export function liveUrl(windowSec: number): string {
  return `${MOUNT}api/live?window=${windowSec}`
}

/** All findings, ranked. */
export function fetchFindings(signal: AbortSignal): Promise<FindingList> {
  return request<FindingList>('findings', { signal })
}

/** One finding with what the reader may do. */
export function fetchFinding(id: string, signal: AbortSignal): Promise<FindingDetail> {
  return request<FindingDetail>(`findings/${encodeURIComponent(id)}`, { signal })
}

/** Asks the console to act. Resolves when it is done: an index on a large table takes minutes. */
export function postFindingAction(id: string, action: 'apply' | 'verify' | 'revert', body: FindingAction): Promise<unknown> {
  return request(`findings/${encodeURIComponent(id)}/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-holdfast-csrf': '1' },
    body: JSON.stringify(body),
  })
}

/** Puts a finding aside. */
export function postSnooze(id: string, body: SnoozeRequest): Promise<FindingDetail> {
  return request(`findings/${encodeURIComponent(id)}/snooze`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-holdfast-csrf': '1' },
    body: JSON.stringify(body),
  })
}

/** Asks the console to look for advice. Takes seconds: candidates are tried on a copy of the data. */
export function postAdvise(): Promise<AdviceAnswer> {
  return request('advise', { method: 'POST', headers: { 'content-type': 'application/json', 'x-holdfast-csrf': '1' }, body: '{}' })
}

const CACHE = 'v1/performance/cache'

/** What the cache did in the window. */
export function fetchCacheMetrics(windowSec: number, signal: AbortSignal): Promise<CacheMetricsAnswer> {
  return request(`${CACHE}/metrics?window=${windowSec}`, { signal })
}

/** Where a key is; with its value only for those who may see it. */
export function fetchCacheKey(key: string, withValue: boolean): Promise<CacheKeyAnswer> {
  return request(`${CACHE}/key?key=${encodeURIComponent(key)}${withValue ? '&value=1' : ''}`, {})
}

/** How many entries a tag would drop. */
export function fetchTagCount(tag: string, signal: AbortSignal): Promise<CacheTagCountAnswer> {
  return request(`${CACHE}/tag-count?tag=${encodeURIComponent(tag)}`, { signal })
}

/** Drops tags or keys. */
export function postInvalidate(body: CacheInvalidation): Promise<CacheInvalidationAnswer> {
  return request(`${CACHE}/invalidate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-holdfast-csrf': '1' },
    body: JSON.stringify(body),
  })
}

/** Why the console refuses this reader; null when it does not. Rejects when it cannot be reached. */
export async function askRefusal(): Promise<string | null> {
  const response = await fetch(`${MOUNT}api/findings`, { signal: AbortSignal.timeout(3000) })
  if (response.status !== 401 && response.status !== 403) return null
  return (await problemOf(response)).hint
}

/** The answer of one address below `api/`. @throws ApiProblem */
export async function request<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response
  try {
    response = await fetch(`${MOUNT}api/${path}`, { ...init, credentials: 'same-origin' })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new ApiProblem(UNREACHABLE)
  }
  if (!response.ok) throw new ApiProblem(await problemOf(response))
  return (await response.json()) as T
}

async function problemOf(response: Response): Promise<Problem> {
  const body = (await response.json().catch(() => ({}))) as Partial<Problem>
  return {
    type: body.type ?? 'about:blank',
    title: body.title ?? `The console answered ${response.status}`,
    status: response.status,
    code: body.code ?? '',
    detail: body.detail ?? '',
    hint: body.hint ?? 'Open the address that the console printed when it started.',
  }
}
