/** A column's name as SQL, each part between dots quoted. */
export function quotedColumn(column: string): string {
  return column.split('.').map(quotedName).join('.')
}

/** A name as SQL, quoted as a whole. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
