export { type Clock, type ClockTimer, delay, systemClock } from './clock.ts'
export { type ConfigProblems, collectConfigProblems } from './config-problems.ts'
export { type Duration, parseDurationMs } from './duration.ts'
export { coreErrors } from './errors.ts'
export {
  type Evidence,
  type EvidenceTier,
  type Finding,
  type FindingEvent,
  type FindingSeverity,
  type FindingState,
  type Measurement,
  moveFinding,
  type PredictedRange,
  type Recommendation,
  type Verdict,
  type Verification,
} from './finding.ts'
export { type Health, type HealthReason, type HealthSource, mergeHealth } from './health.ts'
export {
  defineErrors,
  type ErrorArea,
  type ErrorCode,
  type ErrorDefinition,
  type ErrorDetails,
  type ErrorTable,
  HoldfastError,
  isHoldfastError,
} from './holdfast-error.ts'
export { createLifecycle, type Lifecycle, type LifecycleSteps } from './lifecycle.ts'
export { type Logger, silentLogger } from './logger.ts'
export { type LuaScript, luaScript } from './lua-script.ts'
export { MIGRATION_FORMATS, type MigrationFile, type MigrationFormat, migrationFiles } from './migration-file.ts'
export { isSignedBy, type PurgeSignature, parseSignature, SIGNATURE_FIELD, type SignedPurge, signPurge } from './purge-signature.ts'
export { createRequestScope, currentRequestScope, type RequestScope, runInRequestScope, shareRequestScope } from './request-scope.ts'
// Only the type: who needs a duration need not load a parser of cron.
export type { Schedule } from './schedule.ts'
export { parseSizeBytes, type Size } from './size.ts'
export { isTag, MAX_TAGS } from './tag.ts'
export { namespaceWireTag, type TagField, wireTag } from './wire-tag.ts'
