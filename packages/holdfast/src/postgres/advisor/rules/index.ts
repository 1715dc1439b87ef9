import { autovacuumSettings } from './autovacuum-settings.ts'
import { bloat } from './bloat.ts'
import { cacheableStatement } from './cacheable-statement.ts'
import { castDefeatsIndex } from './cast-defeats-index.ts'
import { connectionBudget } from './connection-budget.ts'
import { deadTuples } from './dead-tuples.ts'
import { duplicateIndex } from './duplicate-index.ts'
import { extendedStatistics } from './extended-statistics.ts'
import { foreignKeyIndex } from './foreign-key-index.ts'
import { highCost } from './high-cost.ts'
import { idleInTransaction } from './idle-in-transaction.ts'
import { indexBloat } from './index-bloat.ts'
import { invalidIndex } from './invalid-index.ts'
import { lockChain } from './lock-chain.ts'
import { longTransaction } from './long-transaction.ts'
import { lowHotRatio } from './low-hot-ratio.ts'
import { offsetPaging } from './offset-paging.ts'
import { overdueView } from './overdue-view.ts'
import { randomPageCost } from './random-page-cost.ts'
import type { Rule } from './rule.ts'
import { selectStar } from './select-star.ts'
import { sequenceEnd } from './sequence-end.ts'
import { staleStatistics } from './stale-statistics.ts'
import { unusedIndex } from './unused-index.ts'
import { workMem } from './work-mem.ts'
import { wraparound } from './wraparound.ts'

/** Every rule that judges facts without trying anything. */
export const RULES: readonly Rule[] = [
  unusedIndex,
  duplicateIndex,
  invalidIndex,
  foreignKeyIndex,
  lowHotRatio,
  deadTuples,
  autovacuumSettings,
  staleStatistics,
  wraparound,
  bloat,
  indexBloat,
  sequenceEnd,
  extendedStatistics,
  overdueView,
  randomPageCost,
  workMem,
  idleInTransaction,
  longTransaction,
  lockChain,
  connectionBudget,
  offsetPaging,
  selectStar,
  castDefeatsIndex,
  highCost,
  cacheableStatement,
]
