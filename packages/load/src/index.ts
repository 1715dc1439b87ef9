export {
  type ComparedPercentile,
  type ComparedRow,
  type CompareOptions,
  type ComparisonVerdict,
  compareRuns,
  type RunComparison,
} from './compare.ts'
export { type LoadErrorCode, loadErrors } from './errors.ts'
export { type MaxRate, type MaxRateOptions, type MaxRateStep, measureMaxRate } from './max-rate.ts'
export { renderComparison } from './render-comparison.ts'
export {
  type GeneratorHealth,
  type LatencySummary,
  LOAD_RESULT_SCHEMA,
  type LoadProgress,
  type LoadResult,
  type LoadTimeline,
  type RequestSummary,
  type TargetHeaders,
} from './result.ts'
export { type LoadOptions, requireValid, runLoad } from './run-load.ts'
export type { ArrivalSegment, FlowRequest, LoadSlo, Scenario } from './scenario.ts'
export { loadScenarioFile } from './scenario-file.ts'
export { parseScenario, scenarioJsonSchema } from './scenario-schema.ts'
