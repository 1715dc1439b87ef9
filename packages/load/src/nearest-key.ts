/** The known key that differs from `key` by the fewest edits, when it is near enough to be what was meant: at most two edits and fewer than half the letters. */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined
  let fewest = Math.min(2, Math.floor((key.length - 1) / 2)) + 1
  for (const candidate of known) {
    const edits = editDistance(key.toLowerCase(), candidate.toLowerCase())
    if (edits >= fewest) continue
    fewest = edits
    nearest = candidate
  }
  return nearest
}

/** Levenshtein distance with one row of memory. */
function editDistance(a: string, b: string): number {
  const row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0]!
    row[0] = i
    for (let j = 1; j <= b.length; j++) {
      const above = row[j]!
      row[j] = Math.min(above + 1, row[j - 1]! + 1, diagonal + (a[i - 1] === b[j - 1] ? 0 : 1))
      diagonal = above
    }
  }
  return row[b.length]!
}
