import type { Finding } from 'holdfast/core'

/** Findings about indexes, those that are gone left out. */
export function indexFindings(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ rule, state }) => /^pg\/.*index/.test(rule) && state !== 'gone')
}

/** Ids of the findings that name the index. */
export function findingsNaming(index: string, findings: readonly Finding[]): string[] {
  // Between characters that no bare name has, so that lead_idx is not found in lead_idx_2.
  const name = new RegExp(`(?<![\\w$])${index.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w$])`, 'u')
  const textOf = ({ title, recommendation }: Finding): string => [title, ...recommendation.sql, ...recommendation.revertSql].join('\n')
  return findings.filter(finding => name.test(textOf(finding))).map(({ id }) => id)
}
