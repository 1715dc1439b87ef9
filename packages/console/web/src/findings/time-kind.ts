/** Of what time a finding takes its share: rules of the database and of the cache count different things. */
export function timeKind(rule: string): string {
  return rule.startsWith('cache/') ? 'loading time' : 'statement time'
}
