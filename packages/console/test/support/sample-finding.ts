import type { Finding } from 'holdfast/core'

/** A finding with every part that must be there. */
export function sampleFinding(changes: Partial<Finding> = {}): Finding {
  return {
    id: 'I-3fa9',
    rule: 'pg/missing-index',
    state: 'open',
    title: 'missing index on assignment(agent_id, status)',
    savesMsPerSec: 120,
    evidence: {
      tier: 'measured',
      statement: 'select * from assignment where agent_id = $1',
      before: { sampleCount: 360, windowMs: 8000, meanMs: 33.5 },
      shareOfTime: 0.97,
    },
    recommendation: {
      sql: ['create index concurrently assignment_agent on assignment (agent_id)'],
      revertSql: ['drop index concurrently assignment_agent'],
      summary: 'an index on assignment (agent_id)',
      costNote: '8 MB',
      lockNote: 'blocks no writes',
      risk: 'low',
    },
    history: [{ atMs: 0, state: 'open', note: 'found' }],
    ...changes,
  }
}
