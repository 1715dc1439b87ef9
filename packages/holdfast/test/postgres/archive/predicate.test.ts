import { expect, it } from 'vitest'
import { checkPredicate } from '../../../src/postgres/archive/predicate.ts'

it.each([
  "status = 'open') ; drop table lead; select (true",
  'true) union select (1',
  'true) limit 5 --',
  'true) order by (id',
  'true) for update of t nowait --',
  'id = $1',
  'status = ',
  ') (',
  '',
  '/* open',
  "'open",
])('HF_PG_ARCHIVE_POLICY: refuses %j as a condition', async where => {
  await expect(checkPredicate(where)).rejects.toMatchObject({ code: 'HF_PG_ARCHIVE_POLICY', context: { where } })
})

it.each([
  "status = 'it''s'",
  'a in (select b from c) -- why',
  'a is null or (b and not c)',
  "x ~ '\\)' /* ; */",
  '"select" > now() - interval \'1 day\'',
])('takes %j', async where => {
  await expect(checkPredicate(where)).resolves.toBeUndefined()
})
