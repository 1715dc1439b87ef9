/** Whether a rule's name matches a pattern in which `*` stands for anything. No pattern: every rule. The `pg/` may be left out. */
export function ruleMatches(pattern: string | undefined, name: string): boolean {
  if (pattern === undefined) return true
  const expression = new RegExp(`^(pg/)?${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`)
  return expression.test(name)
}
