import { describe, expect, it } from 'vitest'
import { parametersAsShown } from '../../src/postgres/shown-parameters.ts'

describe('parametersAsShown', () => {
  it.each([
    ['select a from t where b = $1 limit $2', 'SELECT a FROM t  WHERE b = $1 -- hot\n LIMIT 50;', [7], [7, '50']],
    ['select $2 from t where doc->>$3 = $1', "select 1 from t where doc->>'k''ey' = $1", ['v'], ['v', '1', "k'ey"]],
    [
      'select a from t where flag = $1 and c > $2 and d = $3',
      'select a from t where flag = false and c > -1.5 and d = $$x$$',
      [],
      ['false', '-1.5', 'x'],
    ],
    ['select a from t where b in ($1 /*, ... */) and c = $2', 'select a from t where b in ($1,$2, $3) and c = $4', [1, 2, 3, 4], [[1, 2, 3], 4]],
    ['select a from t where b in ($1 /*, ... */) limit $2', "select a from t where b in ('x', 'y') limit 5", [], [['x', 'y'], '5']],
    ['select a from t where b = $2 and c = $1', 'select a from t where b = $2 and c = $1', ['c', 'b'], ['c', 'b']],
    ['select a from t where b is not distinct from $1', 'select a from t where b is not distinct from null', [], [null]],
  ])('has for the parameters of %s the values of %s', (shown, sent, values, expected) => {
    expect(parametersAsShown(shown, sent, values)).toEqual(expected)
  })

  it.each([
    ['another statement', 'select a from t where c = $1', [1]],
    ['a longer one', 'select a from t where b = $1 and c = 2', [1]],
    ['a value that is missing', 'select a from t where b = $1', []],
    ['a constant in another notation', "select a from t where b = e'\\n'", []],
    ['another column that differs in case', 'select "A" from t where b = $1', [1]],
  ])('has none for %s', (_what, sent, values) => {
    expect(parametersAsShown('select a from t where b = $1', sent, values)).toBeUndefined()
  })
})
