import { beforeAll, describe, expect, it } from 'vitest'
import { keyByRows, withSeenKey } from '../../../src/postgres/advisor/document-keys.ts'
import { loadParser, type ParsedStatement, parseStatement } from '../../../src/postgres/advisor/predicates.ts'
import { statementWindow, tableFacts } from './facts.ts'

beforeAll(loadParser)

describe('keyByRows', () => {
  const rows = new Map([
    ['sso', [1, 1, 1]],
    ['locale', [900, 1100, 1000]],
    ['theme', [20_000, 20_000]],
  ])

  it.each([
    ['the one that finds as many rows as live calls return', 1, 'sso'],
    ['that one also where what is looked for is mostly not there', 0.1, 'sso'],
    ['none where live calls return what no key finds', 60, undefined],
    ['none where nothing is known of live calls', undefined, undefined],
  ])('takes %s', (_what, rowsPerCall, expected) => {
    expect(keyByRows(rows, rowsPerCall)).toBe(expected)
  })

  it('takes none of two that find as many', () => {
    expect(keyByRows(new Map([...rows, ['code', [1, 1]]]), 1)).toBeUndefined()
  })

  it('takes of two that find as many the one that does not hold what people read', () => {
    expect(keyByRows(new Map([...rows, ['bio', [1, 1]]]), 1, new Set(['bio']))).toBe('sso')
    expect(keyByRows(rows, 20_000, new Set(['theme']))).toBe('theme')
  })
})

describe('withSeenKey', () => {
  const parsed = parsedOf('select id from member where settings->>$2 = $1')
  const candidate = (documentKey?: string) => ({
    table: tableFacts('member', {}),
    keys: [],
    equalCount: 0,
    ...(documentKey === undefined ? {} : { documentKey }),
  })
  const candidates = [candidate('sso'), candidate('theme'), candidate()]
  const seen = (...keys: string[]) => ({
    parsed: parsed(),
    window: statementWindow('1', 10, 1),
    shareOfTime: 1,
    binds: keys.map(key => ({ values: ['x', key], callCount: 1 })),
  })

  it('keeps the candidates of the key that all calls were seen with', () => {
    expect(withSeenKey(seen('sso', 'sso'), candidates).map(({ documentKey }) => documentKey)).toEqual(['sso', undefined])
  })

  it('keeps none with a key where calls were seen with several: an index on one expression serves one key', () => {
    expect(withSeenKey(seen('sso', 'theme'), candidates).map(({ documentKey }) => documentKey)).toEqual([undefined])
  })
})

/** Parsed when the parser is loaded. */
function parsedOf(text: string): () => ParsedStatement {
  return () => parseStatement(text) as ParsedStatement
}
