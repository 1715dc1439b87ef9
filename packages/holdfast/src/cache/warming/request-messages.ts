import type { SourceProgress, WarmingReport } from './report.ts'

/** Asks every process of a namespace to warm. */
export interface WarmingRequest {
  readonly id: string
  /** Absent: all. */
  readonly sources?: readonly string[] | undefined
}

/** What a process answers: at once which sources it has, then every second how far it is, at the end how it went. */
export type WarmingAnswer =
  | { readonly kind: 'hello'; readonly from: string; readonly sources: readonly string[] }
  | { readonly kind: 'progress'; readonly from: string; readonly sources: readonly SourceProgress[] }
  | { readonly kind: 'report'; readonly from: string; readonly report: WarmingReport }

/** How often a process says how far it is. */
export const PROGRESS_MS = 1000

/** Where requests are published. */
export function requestChannel(namespace: string): string {
  return `hf:${namespace}:warm`
}

/** Where the answers to one request are published. */
export function answerChannel(namespace: string, id: string): string {
  return `hf:${namespace}:warm:${id}`
}
