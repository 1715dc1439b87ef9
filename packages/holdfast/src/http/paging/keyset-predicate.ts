/** A column by which rows are ordered. */
export interface OrderColumn {
  /** Its name, with a table before a dot where needed: `lead.created_at`. Quoted when it goes into SQL. */
  readonly column: string
  /** Default `asc`. */
  readonly direction?: 'asc' | 'desc'
  /** True when it may be NULL. Default false. NULLs come last, or first when descending, as PostgreSQL has it. */
  readonly nullable?: boolean
}

/** An order column, its name quoted. */
export interface SortKey {
  readonly sql: string
  readonly isDescending: boolean
  readonly isNullable: boolean
  readonly nullsFirst: boolean
}

/** The keys of an order, turned round for reading backwards. */
export function reversed(keys: readonly SortKey[]): SortKey[] {
  return keys.map(key => ({ ...key, isDescending: !key.isDescending, nullsFirst: !key.nullsFirst }))
}

/** What stands after ORDER BY. */
export function orderBy(keys: readonly SortKey[]): string {
  return keys
    .map(
      ({ sql, isDescending, isNullable, nullsFirst }) =>
        `${sql}${isDescending ? ' desc' : ''}${isNullable ? (nullsFirst ? ' nulls first' : ' nulls last') : ''}`,
    )
    .join(', ')
}

/** A condition that holds for exactly the rows after the one with these values. `bind` takes a value and returns its placeholder. With NOT NULL columns of one
 *  direction it is one row comparison, which an index serves; otherwise the first column bounds the scan where it cannot be NULL. */
export function rowsAfter(keys: readonly SortKey[], values: readonly (string | null)[], bind: (value: string) => string): string {
  const [first] = keys as [SortKey, ...SortKey[]]
  const isUniform = keys.every(key => !key.isNullable && key.isDescending === first.isDescending)
  const placeholders = values.map(value => (value === null ? undefined : bind(value)))
  if (isUniform) {
    const operator = first.isDescending ? '<' : '>'
    return keys.length === 1
      ? `${first.sql} ${operator} ${placeholders[0]}`
      : `(${keys.map(key => key.sql).join(', ')}) ${operator} (${placeholders.join(', ')})`
  }
  const branches: string[] = []
  for (let i = 0; i < keys.length; i++) {
    const after = isAfter(keys[i]!, placeholders[i])
    if (after === undefined) continue
    const equal = keys.slice(0, i).map((key, j) => (placeholders[j] === undefined ? `${key.sql} is null` : `${key.sql} = ${placeholders[j]}`))
    branches.push([...equal, after].join(' and '))
  }
  const anyBranch = branches.length === 0 ? 'false' : branches.map(branch => `(${branch})`).join(' or ')
  if (first.isNullable) return `(${anyBranch})`
  return `${first.sql} ${first.isDescending ? '<=' : '>='} ${placeholders[0]} and (${anyBranch})`
}

/** That a column comes after a value; `undefined` when nothing does. */
function isAfter({ sql, isDescending, isNullable, nullsFirst }: SortKey, placeholder: string | undefined): string | undefined {
  if (placeholder === undefined) return nullsFirst ? `${sql} is not null` : undefined
  const beyond = `${sql} ${isDescending ? '<' : '>'} ${placeholder}`
  return isNullable && !nullsFirst ? `(${beyond} or ${sql} is null)` : beyond
}
