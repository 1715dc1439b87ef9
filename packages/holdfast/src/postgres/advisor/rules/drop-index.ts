import type { Recommendation } from '../../../core/index.ts'
import { quoteQualified } from '../identifier.ts'
import type { RuleChange } from '../rule-change.ts'
import type { IndexHealthRow } from '../sql/index-health.sql.ts'

/** What is said of the locks of dropping an index. */
export const DROP_LOCK_NOTE =
  'DROP INDEX CONCURRENTLY: reads and writes go on. It waits for transactions that are open when it starts; a lock time-out bounds the wait.'

/** The statement that makes the index again without stopping writers. */
export function rebuildSql(definition: string): string {
  return definition.replace(/^CREATE (UNIQUE )?INDEX /, 'CREATE $1INDEX CONCURRENTLY ')
}

/** The drop of an index, with its definition as the undo.
 *  @param note.scansMatter false where the index is dropped though it may be read, because another one serves the same reads */
export function dropIndex(
  index: IndexHealthRow,
  note: Pick<Recommendation, 'summary' | 'costNote' | 'risk'> & Required<Pick<Recommendation, 'confidence'>> & { readonly scansMatter: boolean },
): { readonly change: RuleChange; readonly recommendation: Recommendation } {
  const { scansMatter, ...rest } = note
  return {
    change: { kind: 'drop-index', oid: index.oid, definition: index.definition, scanCount: scansMatter ? index.scanCount : -1 },
    recommendation: {
      ...rest,
      sql: [`DROP INDEX CONCURRENTLY ${quoteQualified(index.schema, index.name)}`],
      revertSql: [rebuildSql(index.definition)],
      lockNote: DROP_LOCK_NOTE,
    },
  }
}
