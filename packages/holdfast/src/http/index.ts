export { isRuled, markRuled } from './assets/asset-order.ts'
export { type AssetAnswer, type AssetOptions, type AssetPolicy, createAssetPolicy } from './assets/asset-policy.ts'
export { assetPresets } from './assets/asset-presets.ts'
export { type AssetRule, assetRoutes } from './assets/asset-rules.ts'
export {
  type AssetVersioning,
  type AssetVersionOptions,
  type AssetVersions,
  createAssetVersions,
  type VersionCheck,
} from './assets/asset-versions.ts'
export { type ImageShown, imageAttributes } from './assets/image-attributes.ts'
export { chooseFormat, chooseQuality, chooseWidth, DEVICE_WIDTHS, IMAGE_QUALITIES, type ImageFormat } from './assets/image-choice.ts'
export type { CdnFields } from './cdn-fields.ts'
export { compressNode } from './compression/compress-node.ts'
export { compressResponse } from './compression/compress-response.ts'
export { type Compressor, createCompressor } from './compression/compressor.ts'
export { createFieldSelection, type FieldSelection, type FieldSelectionOptions, type SelectedFields } from './field-selection/field-selection.ts'
export { createLiveUpdates, type LiveOptions, type LiveSubscription, type LiveUpdates } from './live/live-updates.ts'
export { type MetricsResponse, metricsResponse } from './metrics-response.ts'
export type { CursorSecret } from './paging/cursor.ts'
export { createKeyset, type Keyset, type KeysetOptions, type ListQuery, type Page, type PageQuery, type PageRequest } from './paging/keyset.ts'
export type { OrderColumn } from './paging/keyset-predicate.ts'
export { pageLinks } from './paging/links.ts'
export { PROBLEM_CONTENT_TYPE, type Problem, type ProblemOptions, problemAnswer, toProblem } from './problem.ts'
export { clientAddress } from './rate-limit/client-address.ts'
export type { RateDecision } from './rate-limit/gcra.ts'
export { rateLimitFields, rateLimitProblem } from './rate-limit/rate-limit-fields.ts'
export { createRateLimiter, type RateLimiter, type RateLimitOptions } from './rate-limit/rate-limiter.ts'
export { createRequestMonitor, type RequestMonitor, type RequestObservation } from './request-monitor.ts'
export type { FetchHandler } from './response-cache/fetch-face.ts'
export type { CacheAnswer } from './response-cache/respond.ts'
export {
  createResponseCache,
  type FetchOptions,
  type ResponseCache,
  type ResponseCacheCdn,
  type ResponseCacheDeps,
} from './response-cache/response-cache.ts'
export type { IdentityRequest, RouteRule } from './response-cache/route-rules.ts'
export type { ResponseCacheOptions } from './response-cache/routing.ts'
