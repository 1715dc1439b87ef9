export { type AnalyzeRequest, type AnalyzerOptions, analyzeStatement, type PlannedFor, type StatementAnalysis } from './analyze-statement.ts'
export { planErrors } from './errors.ts'
export type { PlanAdvice, PlanAdviceKind, PlanGain } from './plan-advice.ts'
export type { NodeBlocks, NodeSpill, PlanTreeNode } from './plan-tree.ts'
