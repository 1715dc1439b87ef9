import { expect, it } from 'vitest'
import { compileFlow } from '../src/flow.ts'
import { createRandom } from '../src/random.ts'
import type { FlowRequest, Scenario } from '../src/scenario.ts'

function draw(
  flow: readonly FlowRequest[],
  count: number,
  seed = 1,
  feeds: NonNullable<Scenario['feeds']> = {},
): { path: string; body: string | null; headers: string[] }[] {
  const compiled = compileFlow({ arrival: [], flow, feeds }, '/api', createRandom(seed))
  return Array.from({ length: count }, () => {
    const { path, body, headers } = compiled.next()
    return { path, body, headers: [...headers] }
  })
}

it('sends the same requests for the same seed and others for another', () => {
  const flow = [{ path: '/a/{{int:1:1000}}', weight: 3 }, { path: '/b/{{zipf:1:100:0.9}}' }]
  expect(draw(flow, 50)).toEqual(draw(flow, 50))
  expect(draw(flow, 50)).not.toEqual(draw(flow, 50, 2))
})

it('draws requests in proportion to their weights, and none of weight 0', () => {
  const drawn = draw([{ path: '/a', weight: 3 }, { path: '/b' }, { path: '/c', weight: 0 }], 8000)
  const share = drawn.filter(({ path }) => path === '/api/a').length / drawn.length
  expect(share).toBeGreaterThan(0.73)
  expect(share).toBeLessThan(0.77)
  expect(drawn.some(({ path }) => path === '/api/c')).toBe(false)
})

it('reaches both ends of a range of whole numbers and nothing outside', () => {
  const values = new Set(draw([{ path: '/{{int:-1:2}}' }], 500).map(({ path }) => path))
  expect([...values].sort()).toEqual(['/api/-1', '/api/0', '/api/1', '/api/2'])
})

it('draws zipf ranks in proportion to 1 / rank^exponent', () => {
  const values = draw([{ path: '/{{zipf:11:20:1}}' }], 20_000).map(({ path }) => Number(path.slice('/api/'.length)))
  const count = (value: number): number => values.filter(v => v === value).length
  expect(Math.min(...values)).toBe(11)
  expect(Math.max(...values)).toBe(20)
  expect(count(11) / count(12)).toBeGreaterThan(1.8)
  expect(count(11) / count(12)).toBeLessThan(2.2)
  expect(count(11) / count(20)).toBeGreaterThan(8.5)
  expect(count(11) / count(20)).toBeLessThan(11.5)
})

it('takes all fields of a feed from one row, and encodes them in the path only', () => {
  const feeds = {
    cities: [
      { id: 1, name: 'Köln/a b' },
      { id: 2, name: 'Ulm' },
    ],
  }
  const drawn = draw([{ path: '/{{cities.id}}/{{cities.name}}', headers: { 'x-city': '{{cities.name}}' } }], 40, 1, feeds)
  const byId = { '1': ['/api/1/K%C3%B6ln%2Fa%20b', 'Köln/a b'], '2': ['/api/2/Ulm', 'Ulm'] } as const
  for (const { path, headers } of drawn) expect([path, headers[1]]).toEqual(byId[path[5] as '1' | '2'])
  expect(new Set(drawn.map(({ path }) => path)).size).toBe(2)
})

it('sends a placeholder that is the whole text as its value, and one within a text as text', () => {
  const [{ body, headers }] = draw(
    [{ path: '/', method: 'post', body: { id: '{{int:7:7}}', text: 'no. {{int:7:7}}', list: [true, null] } }],
    1,
  ) as unknown as [{ body: string; headers: string[] }]
  expect(JSON.parse(body)).toEqual({ id: 7, text: 'no. 7', list: [true, null] })
  expect(headers).toEqual(['content-type', 'application/json'])
})

it('expects 200 to 399 unless told otherwise', () => {
  const expected = (expectStatus?: FlowRequest['expectStatus']): number[] => {
    const request = compileFlow(
      { arrival: [], flow: [{ path: '/', ...(expectStatus === undefined ? {} : { expectStatus }) }] },
      '',
      createRandom(1),
    ).next()
    return [200, 304, 404, 500].filter(status => request.isExpected(status))
  }
  expect(expected()).toEqual([200, 304])
  expect(expected(404)).toEqual([404])
  expect(expected([200, 404])).toEqual([200, 404])
})
