/** A table as lines of text: the first columns to the left, numbers to the right. Widths follow the content. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[], leftColumns = 1): string[] {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map(cells => cells[column]!.length)))
  return all.map(cells =>
    cells
      .map((cell, column) => (column < leftColumns ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}
