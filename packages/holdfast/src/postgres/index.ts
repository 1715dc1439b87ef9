export {
  type AdviceReport,
  type AdviseOptions,
  type Advisor,
  type AdvisorClient,
  type AdvisorOptions,
  type ApplyOptions,
  type AuditEntry,
  advisorErrors,
  bySeverityThenTime,
  createAdvisor,
  type PlantRequest,
  type PoolShare,
  type Refusal,
  type RefusalReason,
  type Row,
  type RuleUnknown,
  type SeenBinds,
  type ServedReport,
  type StatementCounters,
  type UnexaminedReason,
  type UnexaminedStatement,
  type VerifyOptions,
  type WorkloadMark,
} from './advisor/index.ts'
export {
  type Archive,
  type ArchiveOptions,
  type ArchivePolicy,
  type ArchivePreview,
  type ArchiveProgress,
  type ArchiveReport,
  type ArchiveRunOptions,
  type ArchiveRunSummary,
  archiveErrors,
  createArchive,
} from './archive/index.ts'
export type { BindSample } from './bind-reservoir.ts'
export { pgErrors } from './errors.ts'
export {
  type ConnectionReport,
  createDatabaseFacts,
  type DatabaseFacts,
  type DatabaseFactsOptions,
  type DatabaseHealth,
  factsErrors,
  type IndexFacts,
  type IndexReport,
  type IndexUse,
  type LockChain,
  type LockReport,
  type LockSession,
  quoteTableName,
  type SizeGrowth,
  type SizePoint,
  type SizeReport,
  type StatementCost,
  type StatementReport,
  type TableFacts,
  type TableReport,
  type TablesReport,
} from './facts/index.ts'
export { maintenanceErrors, type VacuumOptions, type VacuumProgress, type VacuumReport, vacuumTable } from './maintenance/index.ts'
export { migrationErrors } from './migrations/errors.ts'
export { type MigrationClient, migrateOwnSchema } from './migrations/migrate.ts'
export type { Migration } from './migrations/migration.ts'
export { ownSchemaSql } from './migrations/own-schema.ts'
export { type HoldfastPg, type ObservePoolDeps, observePool, type PostgresOptions } from './observe-pool.ts'
export type { InvalidationOutbox, InvalidationTarget } from './outbox.ts'
export { unobserved } from './own-statement.ts'
export {
  type AnalyzeRequest,
  type AnalyzerOptions,
  analyzeStatement,
  type NodeBlocks,
  type NodeSpill,
  type PlanAdvice,
  type PlanAdviceKind,
  type PlanGain,
  type PlannedFor,
  type PlanTreeNode,
  planErrors,
  type StatementAnalysis,
} from './plans/index.ts'
export type { PoolHolder } from './pool/checkouts.ts'
export { createPool, type HoldfastPool, type PoolDriver } from './pool/create-pool.ts'
export type { PoolAdvice, PoolFacts } from './pool/pool-advice.ts'
export type { PoolClass, PoolDeps, PoolSettings } from './pool/pool-options.ts'
export type { PoolerDiagnosis, SessionStateStatement } from './pool/session-state.ts'
export type { PoolState } from './pool-health.ts'
export { type RecordedStatement, recordStatements, type StatementRecording } from './repeats/record-statements.ts'
export type { RepeatRule, StatementRepeat } from './repeats/repeat-book.ts'
export type { CircuitState } from './replicas/circuit.ts'
export type { ReplicaStatus } from './replicas/replica.ts'
export type { ReplicaOptions } from './replicas/replica-options.ts'
export type { ReadOptions, ReadQuery, ReadQueryConfig } from './replicas/replica-reads.ts'
export type { ReplicaConnections, ReplicaState } from './replicas/replica-report.ts'
export type { ReadState } from './replicas/replicas.ts'
export type { SlowPlan } from './slow/slow-plan.ts'
export type { SlowStatement } from './slow/slow-statements.ts'
export { BEGIN_OUTBOX, sqlLiteral } from './sql/outbox-rows.sql.ts'
export { OTHER_STATEMENTS, type StatementSnapshot } from './statement-store.ts'
export { STATEMENT_CHANNEL, type StatementTrace } from './statement-watch.ts'
export { type IsolationLevel, runTransaction, type Transaction, type TransactionDeps, type TransactionOptions } from './transaction.ts'
export { writeAuditLine } from './upkeep/audit.ts'
export { connectionsOf } from './upkeep/connections-of-pool.ts'
export type { ClientOf, UserClient, UserPool, UserQuery, UserQueryResult } from './user-pool.ts'
export {
  createViews,
  type RefreshOptions,
  type RefreshReport,
  type ViewDefinition,
  type ViewState,
  type Views,
  type ViewsOptions,
  viewErrors,
} from './views/index.ts'
