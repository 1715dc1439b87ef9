import { beforeAll, describe, expect, it } from 'vitest'
import { type Proposal, proposeCandidates } from '../../../src/postgres/advisor/candidates.ts'
import type { TableFacts } from '../../../src/postgres/advisor/catalog.ts'
import { loadParser, parseStatement } from '../../../src/postgres/advisor/predicates.ts'
import { catalogOf, indexFacts, tableFacts } from './facts.ts'

beforeAll(loadParser)

function propose(text: string, ...tables: TableFacts[]): Proposal {
  const parsed = parseStatement(text)
  if (parsed === undefined || parsed.kind === 'insert') throw new Error(`not a read: ${text}`)
  return proposeCandidates(parsed, catalogOf(...tables))
}

/** Candidates as `table(a, -b)`. */
function names({ candidates }: Proposal): string[] {
  return candidates.map(({ table, keys }) => `${table.name}(${keys.map(key => `${key.descending ? '-' : ''}${key.name}`).join(', ')})`)
}

const lead = { id: 1e6, agent: 500, status: 4, created: 9e5, score: 100 }

describe('proposeCandidates', () => {
  it('puts the most selective equality first, then the order with its direction', () => {
    expect(names(propose('select * from lead where status = $1 and agent = $2 order by created desc limit $3', tableFacts('lead', lead)))).toEqual([
      'lead(agent, status, -created)',
      'lead(agent, status)',
      'lead(agent)',
    ])
  })

  it('puts one range behind the equalities, and lists do not keep an order', () => {
    expect(names(propose('select * from lead where agent = $1 and status in ($2, $3) and created > $4', tableFacts('lead', lead)))).toEqual([
      'lead(agent)',
      'lead(agent, status, created)',
      'lead(agent, status)',
    ])
  })

  it('resolves columns through aliases and proposes for the joined table too', () => {
    const event = tableFacts('event', { lead_id: 5e5, kind: 10 })
    const proposal = propose(
      'select * from lead l join event e on e.lead_id = l.id where l.agent = $1',
      tableFacts('lead', lead, { heapBytes: 2e8 }),
      event,
    )
    expect(names(proposal)).toContain('lead(agent)')
    expect(names(proposal)).toContain('event(lead_id)')
  })

  it('resolves an unqualified column to the only table that has it', () => {
    const proposal = propose(
      'select * from lead, agent where agent.id = lead.agent and score = $1',
      tableFacts('lead', lead),
      tableFacts('agent', { id: 500 }),
    )
    expect(names(proposal)).toContain('lead(score)')
  })

  it.each([
    ['the same columns', ['agent', 'status'], 'select * from lead where status = $1 and agent = $2'],
    ['a longer index that begins with them', ['agent', 'status', 'created'], 'select * from lead where agent = $1'],
    ['the order read backwards', ['agent', 'created'], 'select * from lead where agent = $1 order by created desc'],
  ])('proposes nothing that %s serves', (_what, columns, text) => {
    const table = tableFacts('lead', lead, { indexes: [indexFacts('known', columns)] })
    const wanted = names(propose(text, table))
    expect(wanted).not.toContain(`lead(${columns.join(', ')})`)
    if (columns.length < 3) return
    expect(propose(text, table).refusal).toEqual({ reason: 'index-exists', why: 'known on lead has these columns already' })
  })

  it.each([
    ['invalid', { isValid: false }],
    ['partial', { isPartial: true }],
    ['of another method', { method: 'hash' }],
  ])('does not count an index that is %s', (_what, changes) => {
    const table = tableFacts('lead', lead, { indexes: [indexFacts('known', ['agent'], changes)] })
    expect(names(propose('select * from lead where agent = $1', table))).toEqual(['lead(agent)'])
  })

  it.each([
    ['tiny-table', 'select * from lead where agent = $1', { heapBytes: 8192 * 10 }],
    ['partitioned', 'select * from lead where agent = $1', { kind: 'p' }],
    ['no-table', 'select * from lead where agent = $1', { kind: 'v' }],
    ['locked', 'select * from lead where agent = $1', { isLocked: true }],
    ['not-readable', 'select * from lead where agent = $1', { mayRead: false }],
    ['no-index-serves', 'select * from lead where agent::text = $1', {}],
    ['no-index-serves', 'select * from lead where status ilike $1', {}],
    ['no-condition', 'select count(*) from lead', {}],
    ['no-table', 'select * from elsewhere where a = $1', {}],
  ] as const)('refuses as %s: %s', (reason, text, changes) => {
    const proposal = propose(text, tableFacts('lead', lead, changes))
    expect(proposal.candidates).toEqual([])
    expect(proposal.refusal?.reason).toBe(reason)
  })

  it('refuses a column whose type has no order', () => {
    const table = tableFacts('lead', lead)
    const columns = new Map([['doc', { name: 'doc', type: 'json', hasOrder: false, distinctCount: null }]])
    expect(propose('select * from lead where doc = $1', { ...table, columns }).refusal?.why).toContain('json')
  })
})
