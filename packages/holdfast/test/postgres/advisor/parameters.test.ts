import { describe, expect, it } from 'vitest'
import { chooseParameterSets, limitFor, type ParameterSlot, type SamplePool } from '../../../src/postgres/advisor/parameters.ts'
import type { Scope } from '../../../src/postgres/advisor/predicates.ts'
import { seededRandom } from './facts.ts'

const scope: Scope = {
  tables: [],
  conditions: [],
  alternatives: [],
  orderBy: [],
  groupBy: [],
  columns: [],
  hasStar: false,
  parent: undefined,
}

function slot(column: string, operator: string, type = 'integer'): ParameterSlot {
  return { use: { kind: 'column', scope, column: { name: column }, operator }, type, source: { pool: 't', column } }
}

/** 1,000 rows: agent 7 has nine in ten, the rest are single. */
const pool: SamplePool = Array.from({ length: 1000 }, (_, i) => ({
  agent: i % 10 === 0 ? String(1000 + i) : '7',
  status: i % 10 === 0 ? 'rare' : 'open',
  at: String(i),
}))
const pools = new Map([['t', pool]])

describe('chooseParameterSets', () => {
  it('has a most frequent set, rare sets, and typical ones', () => {
    const sets = chooseParameterSets([slot('agent', '='), slot('status', '=', 'text')], pools, 't', seededRandom())!
    expect(sets.find(set => set.kind === 'frequent')?.values).toEqual(['7', 'open'])
    for (const set of sets.filter(other => other.kind === 'rare')) expect(set.values[1]).toBe('rare')
    // Nine rows in ten are open, and yet both states are asked for.
    expect(new Set(sets.filter(set => set.kind === 'typical').map(set => set.values[1]))).toEqual(new Set(['open', 'rare']))
    expect(sets.map(set => set.kind)).toContain('typical')
  })

  it('takes the values of one set from one row, so that they occur together', () => {
    const sets = chooseParameterSets([slot('agent', '='), slot('status', '=', 'text')], pools, 't', seededRandom(3))!
    for (const { values } of sets) expect(pool.some(row => row.agent === values[0] && row.status === values[1])).toBe(true)
  })

  it('keeps a lower bound below its upper bound', () => {
    for (const operators of [
      ['>=', '<'],
      ['between', 'between'],
    ]) {
      const sets = chooseParameterSets([slot('at', operators[0]!), slot('at', operators[1]!)], pools, 't', seededRandom())!
      for (const { values } of sets) {
        expect(Number(values[0])).toBeLessThan(Number(values[1]))
        expect(Number(values[1]) - Number(values[0])).toBeLessThanOrEqual(50)
      }
    }
  })

  it('leaves few rows by a bound on one side in most sets, and most of them in some, as what is due by now does', () => {
    const left = chooseParameterSets([slot('at', '<')], pools, 't', seededRandom())!.map(({ values }) => Number(values[0]) / pool.length)
    expect(left.filter(share => share <= 0.1).length).toBeGreaterThan(left.length / 2)
    expect(left.some(share => share >= 0.85)).toBe(true)
  })

  it('gives a list for ANY, 20 for LIMIT, 0 for OFFSET and a week for an interval', () => {
    const slots: ParameterSlot[] = [
      slot('agent', 'any', 'integer[]'),
      { use: { kind: 'limit' }, type: 'bigint' },
      { use: { kind: 'offset' }, type: 'bigint' },
      { use: { kind: 'assumed' }, type: 'interval' },
    ]
    const [set] = chooseParameterSets(slots, pools, 't', seededRandom())!
    expect(set?.values[0]).toHaveLength(3)
    expect(set?.values.slice(1)).toEqual(['20', '0', '7 days'])
  })

  it('names each state once in a list, whichever most rows have, and not all where it may be shorter', () => {
    const three = new Map([['t', [...pool, { agent: '7', status: 'gone', at: '5' }]]])
    const written = [slot('status', 'in', 'text'), slot('status', 'any', 'text')]
    for (const { values } of chooseParameterSets(written, pools, 't', seededRandom())!) expect(values.toSorted()).toEqual(['open', 'rare'])
    for (const operator of ['in', 'any']) {
      const lists = chooseParameterSets([slot('status', operator, 'text[]')], three, 't', seededRandom())!.map(({ values }) => values[0] as string[])
      expect(new Set(lists.map(list => list.length))).toEqual(new Set([1, 2]))
      for (const list of lists) expect(new Set(list).size).toBe(list.length)
    }
  })

  it('makes lists of unlike lengths of many values, because the rows that live calls return tell which is right', () => {
    const lengths = chooseParameterSets([slot('at', 'any', 'integer[]')], pools, 't', seededRandom())!.map(
      ({ values }) => (values[0] as string[]).length,
    )
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([1, 30])
  })

  it('asks for one member of a document, and for the beginning of a text', () => {
    const rows: SamplePool = [{ doc: '{"plan": "gold", "tags": ["a"]}', name: 'Abrahamson' }]
    const slots = [slot('doc', '@>', 'jsonb'), slot('name', 'part', 'text'), { use: { kind: 'wildcard' }, type: 'text' } as const]
    for (const { values } of chooseParameterSets(slots, new Map([['t', rows]]), 't', seededRandom())!) {
      expect(values[0]).toBe('{"plan":"gold"}')
      expect('Abrahamson'.startsWith(values[1] as string)).toBe(true)
      expect(values[2]).toBe('%')
    }
  })

  it('asks a document for the value under the key that is given', () => {
    const rows: SamplePool = [{ doc: '{"plan": "gold", "size": 3}' }, { doc: '{"plan": "iron"}' }]
    const slots = [slot('doc', 'json', 'text'), slot('doc', 'json-key', 'text')]
    const asked = (documentKey: string): unknown[] =>
      chooseParameterSets(slots, new Map([['t', rows]]), 't', seededRandom(), { limit: 20, pattern: 'infix', documentKey })!.map(set => set.values)
    for (const values of asked('plan'))
      expect([
        ['gold', 'plan'],
        ['iron', 'plan'],
      ]).toContainEqual(values)
    // Another row's, where the row has none.
    for (const values of asked('size')) expect(values).toEqual(['3', 'size'])
  })

  it('asks for one element of an array or two, and one word of a text', () => {
    const rows: SamplePool = [{ tags: '{red,blue}', words: "'cat':2,5 'hat':3" }]
    const slots = [slot('tags', '@>', 'text[]'), slot('words', '@@', 'text'), { use: { kind: 'assumed' }, type: 'regconfig' } as const]
    for (const { values } of chooseParameterSets(slots, new Map([['t', rows]]), 't', seededRandom())!) {
      expect(['{red}', '{blue}', '{red,blue}', '{blue,red}']).toContain(values[0])
      expect(["'cat'", "'hat'"]).toContain(values[1])
      expect(values[2]).toBe('simple')
    }
  })

  it.each([
    [
      'text[]',
      '{"hot lead","say \\"hi\\"",NULL}',
      ['{"hot lead"}', '{"say \\"hi\\""}', '{"hot lead","say \\"hi\\""}', '{"say \\"hi\\"","hot lead"}'],
    ],
    ['text[]', '{vip}', ['{vip}']],
    // As in tags @> ARRAY[$1]::text[].
    ['text', '{"hot lead",vip}', ['hot lead', 'vip']],
    ['integer', '{3,5}', ['3', '5']],
  ])('asks by a parameter of type %s for elements of %s', (type, tags, expected) => {
    for (const { values } of chooseParameterSets([slot('tags', '@>', type)], new Map([['t', [{ tags }]]]), 't', seededRandom())!)
      expect(expected).toContain(values[0])
  })

  it('asks for one member of a document and for two by turns', () => {
    const rows: SamplePool = [{ doc: '{"brand":"b1","size":"L","parts":{"a":1}}' }]
    const sets = chooseParameterSets([slot('doc', '@>', 'jsonb')], new Map([['t', rows]]), 't', seededRandom())!
    expect(new Set(sets.map(({ values }) => Object.keys(JSON.parse(String(values[0]))).length))).toEqual(new Set([1, 2]))
  })

  it('asks for what another row holds where the row holds nothing, because everything contains that', () => {
    const rows: SamplePool = [
      { tags: '{}', doc: '{}' },
      { tags: '{vip}', doc: '{"plan":"gold"}' },
    ]
    const slots = [slot('tags', '@>', 'text[]'), slot('doc', '@>', 'jsonb')]
    for (const { values } of chooseParameterSets(slots, new Map([['t', rows]]), 't', seededRandom())!)
      expect(values).toEqual(['{vip}', '{"plan":"gold"}'])
  })

  it('takes for the limit the usual page that the rows of a call nearly fill, else a larger one', () => {
    expect([undefined, 0, 0.4, 1, 4.3, 19.6, 20, 21, 32, 1234.5].map(limitFor)).toEqual([20, 20, 10, 1, 5, 20, 20, 25, 100, 1235])
  })

  it('gives NULL where nothing tells what a value of the type looks like, but where a column is compared with it', () => {
    expect(chooseParameterSets([{ use: { kind: 'assumed' }, type: 'point' }], pools, 't', seededRandom())?.[0]?.values).toEqual([null])
  })

  it('runs a statement without parameters once', () => {
    expect(chooseParameterSets([], pools, 't', seededRandom())).toHaveLength(1)
  })
})
