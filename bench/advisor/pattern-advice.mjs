// Advice by pattern, as PgHero gives it: the columns of WHERE, the most selective first, until few rows are left or two columns are taken, then the column of the
// order. No clock, no writes. Implemented here from PgHero's `best_index`, for comparison.
const ROWS_LEFT_ENOUGH = 50
const MOST_COLUMNS = 2

/** One statement an index, as CREATE INDEX. `stats` holds, by table, the row count and the number of distinct values and of NULLs (0..1) by column. */
export function patternAdvice(texts, stats) {
  const found = new Map()
  for (const text of texts) {
    const index = bestIndex(text.toLowerCase(), stats)
    if (index !== undefined) found.set(`${index.table}(${index.columns.join(', ')})`, index)
  }
  const all = [...found.values()]
  // PgHero leaves out an index that begins a longer one of the same advice.
  const kept = all.filter(
    ({ table, columns }) =>
      !all.some(other => other.table === table && other.columns.length > columns.length && columns.every((c, i) => other.columns[i] === c)),
  )
  return kept.map(({ table, columns }, i) => `create index pattern_${i} on ${table} (${columns.join(', ')})`)
}

function bestIndex(text, stats) {
  const parts = /^select .* from (\w+) where (.*?)(?: order by (.*?))?(?: group by .*)?(?: limit .*)?$/s.exec(text)
  const table = parts === null ? undefined : stats.get(parts[1])
  // PgHero's parser gives up on joins, OR and subqueries, and so does this.
  if (table === undefined || / (join|or|exists) /.test(text) || table.rowCount === 0) return undefined
  const conditions = parts[2].split(/ and /).map(condition => /^(\w+) (=|>=|<=|>|<|is null|is not null|like|in)(?: |$)/.exec(condition.trim()))
  if (conditions.some(condition => condition === null)) return undefined
  const where = conditions
    .map(([, column, operator]) => ({ column, operator, rows: rowsLeft(table, column, operator) }))
    .sort((a, b) => a.rows - b.rows)
  const chosen = []
  let left = table.rowCount
  for (const { column, operator, rows } of where) {
    chosen.push(column)
    left = Math.max(1, (left * rows) / table.rowCount)
    if (left < ROWS_LEFT_ENOUGH || chosen.length >= MOST_COLUMNS || operator !== '=') break
  }
  const sort = /^(\w+)( desc)?$/.exec(parts[3] ?? '')
  if (left > ROWS_LEFT_ENOUGH && sort !== null && !chosen.includes(sort[1])) chosen.push(sort[1])
  if (left > table.rowCount / 2) return undefined
  return exists(table, chosen) ? undefined : { table: parts[1], columns: [...new Set(chosen)] }
}

function rowsLeft({ rowCount, columns }, column, operator) {
  const { distinct = 1, nulls = 0 } = columns.get(column) ?? {}
  if (operator === 'is null') return rowCount * nulls
  if (operator === '=' || operator === 'in') return (rowCount * (1 - nulls)) / Math.max(1, distinct)
  return rowCount / 10
}

function exists({ indexes }, columns) {
  return indexes.some(keys => columns.every((column, i) => keys[i] === column))
}
