/** What apply does for a finding of a rule. Kept in the ledger with the finding, so that it is what was shown. */
export type RuleChange =
  | {
      readonly kind: 'drop-index'
      /** The index that was judged; another one under the same name is not dropped. */
      readonly oid: number
      /** As pg_get_indexdef gave it. */
      readonly definition: string
      /** Scans when it was judged: one that was scanned since is no longer unused. -1 where scans do not matter. */
      readonly scanCount: number
    }
  /** VACUUM or ANALYZE: nothing to undo. */
  | { readonly kind: 'maintain' }
  /** Storage parameters of a table; the finding's SQL sets them, its undo puts back what was. */
  | { readonly kind: 'table-settings' }
  | { readonly kind: 'create-statistics'; readonly name: string }
  /** Not made by Holdfast. */
  | { readonly kind: 'manual' }
