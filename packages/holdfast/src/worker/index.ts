export type { CorsRule } from './cors.ts'
export type { EdgeOptions, EdgeRule, PurgeOptions } from './edge-options.ts'
export { type EdgeWorker, edgeWorker } from './edge-worker.ts'
export type { OriginFetch } from './origin.ts'
