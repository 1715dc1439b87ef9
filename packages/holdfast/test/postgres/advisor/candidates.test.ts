import { beforeAll, describe, expect, it } from 'vitest'
import type { IndexWorld } from '../../../src/postgres/advisor/asks.ts'
import { type Proposal, proposeCandidates } from '../../../src/postgres/advisor/candidates.ts'
import type { TableFacts } from '../../../src/postgres/advisor/catalog.ts'
import { shapeSql } from '../../../src/postgres/advisor/index-definition.ts'
import { loadParser, parseStatement } from '../../../src/postgres/advisor/predicates.ts'
import { catalogOf, columnFacts, indexFacts, tableFacts } from './facts.ts'

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
      'lead(-created)',
      'lead(status)',
    ])
  })

  it('puts one range behind the equalities, and lists do not keep an order', () => {
    expect(names(propose('select * from lead where agent = $1 and status in ($2, $3) and created > $4', tableFacts('lead', lead)))).toEqual([
      'lead(agent)',
      'lead(agent, status, created)',
      'lead(agent, status)',
      'lead(created)',
      'lead(status)',
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

  it('says of a partitioned table which index to try by hand, and of one that has it that it is there', () => {
    const text = 'select * from lead where agent = $1 order by created desc limit $2'
    const table = tableFacts('lead', { agent: 1000, created: 100_000 }, { kind: 'p', heapBytes: 0, sizeBytes: 0 })
    const created = 'CREATE INDEX ON ONLY public.lead USING btree (agent, created DESC)'
    expect(propose(text, table).refusal).toMatchObject({ reason: 'partitioned', rewrite: expect.stringContaining(created) })
    expect(propose(text, { ...table, indexes: [indexFacts('has', ['agent', '-created'])] }).refusal?.reason).toBe('index-exists')
  })

  it('makes no index of the rows that an outer join does not find', () => {
    const table = tableFacts('lead', lead, { indexes: [indexFacts('lead_pkey', ['id'], { isUnique: true })] })
    const columns = new Map([...table.columns, ['id', columnFacts('id', { nullRatio: 0 })]])
    const text = 'select count(*) from u left join lead on lead.agent = u.id and lead.status = $1 where lead.id is null'
    const { candidates } = propose(text, { ...table, columns })
    expect(candidates.length).toBeGreaterThan(0)
    expect(candidates.filter(({ where = [] }) => where.length > 0)).toEqual([])
  })

  it('refuses a column whose type has no order', () => {
    const table = tableFacts('lead', lead)
    const columns = new Map([['doc', columnFacts('doc', { type: 'json', hasOrder: false })]])
    expect(propose('select * from lead where doc = $1', { ...table, columns }).refusal?.why).toContain('json')
  })
})

describe('kinds of index', () => {
  const columns = new Map(
    [
      columnFacts('id', { distinctCount: 1e6, widthBytes: 8 }),
      columnFacts('agent', { distinctCount: 500, widthBytes: 4 }),
      columnFacts('email', { type: 'text', distinctCount: 1e6, widthBytes: 30 }),
      columnFacts('doc', { type: 'jsonb', hasOrder: true }),
      columnFacts('tags', { type: 'text[]' }),
      columnFacts('gone', { type: 'boolean', trueRatio: 0.1, nullRatio: 0 }),
      columnFacts('deleted', { type: 'timestamp with time zone', nullRatio: 0.98 }),
      columnFacts('at', { type: 'timestamp with time zone', correlation: 0.99, distinctCount: 1e6, widthBytes: 8 }),
      columnFacts('seen', { type: 'timestamp with time zone', distinctCount: 1e6, widthBytes: 8 }),
    ].map(column => [column.name, column] as const),
  )
  const world: IndexWorld = { immutable: new Set(['lower']), trigramOpclass: 'public.gin_trgm_ops', isHot: (_table, column) => column === 'seen' }

  function shapes(text: string, changes: Partial<TableFacts> = {}, around = world): string[] {
    const parsed = parseStatement(text)
    if (parsed === undefined || parsed.kind === 'insert') throw new Error(`not a read: ${text}`)
    return proposeCandidates(parsed, catalogOf(tableFacts('lead', {}, { columns, ...changes })), around).candidates.map(shapeSql)
  }

  it.each([
    ['an expression', 'lower(email) = $1', 'USING btree (lower(email))'],
    ['fixed text first', 'email like $1 || $2', 'USING btree (email text_pattern_ops)'],
    ['a pattern, where trigrams are installed', 'email ilike $1', 'USING gin (email public.gin_trgm_ops)'],
    ['a document', 'doc @> $1', 'USING gin (doc jsonb_path_ops)'],
    ['an array', 'tags @> $1', 'USING gin (tags)'],
    ['a range by which the rows lie', 'at >= $1 and at < $2', 'USING brin (at) WITH (pages_per_range = 32)'],
    ['both bounds at once', 'at between $1 and $2', 'USING brin (at) WITH (pages_per_range = 32)'],
    ['a flag that few rows have', 'gone and agent = $1', 'USING btree (agent) WHERE gone'],
    ['each branch of an OR', 'agent = $1 or email = $2', 'USING btree (email)'],
  ])('has one for %s', (_what, condition, expected) => {
    expect(shapes(`select * from lead where ${condition}`)).toContain(expected)
  })

  it.each(['at >= $1', 'at < $1 order by at limit 10', '(at, agent) < ($1, $2)'])(
    'has no BRIN for %s: of an open range it would read all',
    condition => {
      expect(shapes(`select * from lead where ${condition}`).filter(shape => shape.includes('brin'))).toEqual([])
    },
  )

  it('has an index on the value under each key that the documents have, where the statement does not say which', () => {
    const documents = { ...world, documentKeys: new Map([[columns.get('doc')!, ['plan', "o'key"].map(key => ({ key, isProse: false }))]]) }
    const found = shapes('select * from lead where doc->>$2 = $1', {}, documents)
    expect(found).toEqual(["USING btree (((doc ->> 'plan'::text)))", "USING btree (((doc ->> 'o''key'::text)))"])
    expect(shapes('select * from lead where doc->>$2 = $1')).toEqual([])
    expect(shapes('select * from lead where doc->>$2 > $1', {}, documents)).toEqual([])
    expect(shapes('select * from lead where doc->>$3 = $1 and doc->>$4 = $2', {}, documents)).toEqual([])
  })

  it('has none for a flag alone of which both values are frequent, and one where a value is rare', () => {
    const flags = (trueRatio: number): Partial<TableFacts> => ({
      columns: new Map([['gone', columnFacts('gone', { type: 'boolean', trueRatio, nullRatio: 0 })]]),
    })
    expect(shapes('select * from lead where gone = $1', flags(0.1))).toEqual([])
    expect(shapes('select * from lead where gone = $1', flags(0.01))).toEqual(['USING btree (gone)'])
  })

  it('leaves out the rows of a column that is mostly NULL, where the column is compared', () => {
    const facts = (nullRatio: number): Partial<TableFacts> => ({
      columns: new Map([
        ['agent', columnFacts('agent', { distinctCount: 500 })],
        ['due', columnFacts('due', { distinctCount: 9000, nullRatio })],
      ]),
    })
    const text = 'select * from lead where agent = $1 and due <= $2 order by due'
    expect(shapes(text, facts(0.9))).toContain('USING btree (agent, due) WHERE due IS NOT NULL')
    expect(shapes(text, facts(0.1)).join()).not.toContain('IS NOT NULL')
    expect(shapes('select * from lead where agent = $1 order by due', facts(0.9)).join()).not.toContain('IS NOT NULL')
  })

  it('makes none without the NULLs where one with them stands already', () => {
    const due = { columns: new Map([['due', columnFacts('due', { distinctCount: 9000, nullRatio: 0.9 })]]) }
    const indexes = [indexFacts('lead_due', ['due'])]
    expect(shapes('select * from lead where due = $1', { ...due, indexes })).toEqual([])
    expect(shapes('select * from lead where due = $1', due)).toEqual(['USING btree (due)', 'USING btree (due) WHERE due IS NOT NULL'])
  })

  it('makes no partial index for a condition that nearly all rows meet', () => {
    expect(shapes('select * from lead where deleted is null and agent = $1').join()).not.toContain('WHERE')
  })

  it('carries the other columns along where the pages are all-visible', () => {
    const text = 'select id from lead where agent = $1'
    expect(shapes(text, { allVisibleRatio: 1 })).toContain('USING btree (agent) INCLUDE (id)')
    expect(shapes(text, { allVisibleRatio: 0.2 }).join()).not.toContain('INCLUDE')
    expect(shapes('select * from lead where agent = $1', { allVisibleRatio: 1 }).join()).not.toContain('INCLUDE')
  })

  it('sorts and cuts by no column that is updated all the time where others find the rows, and tries it where none does', () => {
    for (const condition of [
      'agent = $1 order by id, seen desc limit $2',
      'agent = $1 and seen > $2',
      'agent = $1 and seen > $2 order by seen limit $3',
    ]) {
      const found = shapes(`select * from lead where ${condition}`)
      expect(found.length).toBeGreaterThan(0)
      expect(found.filter(shape => shape.includes('seen'))).toEqual([])
    }
    expect(shapes('select * from lead where seen > $1')).toContain('USING btree (seen)')
  })

  it('looks through a cast to text of what is a text, and says how to write one of what is none', () => {
    const of = (type: string): TableFacts => {
      const table = tableFacts('lead', { name: 100 })
      return { ...table, columns: new Map([['name', columnFacts('name', { type, distinctCount: 100 })]]) }
    }
    const text = 'select id from lead where name::text = $1'
    expect(names(propose(text, of('character varying(200)')))).toEqual(['lead(name)'])
    expect(propose(text, of('integer')).refusal).toMatchObject({
      reason: 'no-index-serves',
      rewrite: 'cast the parameter to integer, not name to text',
    })
  })

  it('has none for an expression that is not immutable, and says how to write it', () => {
    const parsed = parseStatement('select * from lead where to_char(email) = $1')
    if (parsed === undefined || parsed.kind === 'insert') throw new Error('not a read')
    const { refusal } = proposeCandidates(parsed, catalogOf(tableFacts('lead', {}, { columns })), world)
    expect(refusal).toMatchObject({ reason: 'no-index-serves', rewrite: expect.stringContaining('compare email itself') })
  })

  it('has none where a unique index finds the one row', () => {
    const table = tableFacts('lead', lead, { indexes: [indexFacts('known', ['id'], { isUnique: true })] })
    expect(propose('select * from lead where id = $1 and agent = $2', table).refusal?.reason).toBe('index-exists')
  })
})
