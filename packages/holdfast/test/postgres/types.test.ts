import type { HoldfastPg, Transaction } from 'holdfast/postgres'
import type pg from 'pg'
import { expectTypeOf, it } from 'vitest'

it("keeps the types of the caller's own pg, and fits where the driver is not named", () => {
  expectTypeOf<HoldfastPg<pg.Pool>['query']>().toEqualTypeOf<pg.Pool['query']>()
  expectTypeOf<Transaction<pg.Pool>['client']>().toEqualTypeOf<pg.PoolClient>()
  expectTypeOf<HoldfastPg<pg.Pool>>().toExtend<HoldfastPg>()
})
