import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadScenarioFile, parseScenario, runLoad, scenarioJsonSchema } from '../src/index.ts'
import { resolveTarget } from '../src/target.ts'
import { startThread } from '../src/thread.ts'

const arrival = [{ rate: 10, seconds: 1 }]
const flow = [{ path: '/' }]

function problemsOf(value: unknown): readonly string[] {
  try {
    parseScenario(value, 'test.yaml')
  } catch (error) {
    const { code, context, message } = error as { code: string; context: { problems: string[] }; message: string }
    expect(code).toBe('HF_LOAD_SCENARIO_INVALID')
    expect(message).toContain('test.yaml')
    return context.problems
  }
  throw new Error('was accepted')
}

describe('parseScenario', () => {
  it('names the path of an unknown key and the nearest known one, at every depth', () => {
    expect(problemsOf({ arrival, flow, maxInflight: 5 })).toEqual(['maxInflight: unknown key, did you mean "maxInFlight"?'])
    expect(problemsOf({ arrival, flow: [{ path: '/', wieght: 1 }] })).toEqual(['flow[0].wieght: unknown key, did you mean "weight"?'])
    expect(problemsOf({ arrival, flow, slo: { p95ms: 50 } })).toEqual(['slo.p95ms: unknown key, did you mean "p95Ms"?'])
  })

  it('suggests nothing when no known key is near', () => {
    expect(problemsOf({ arrival, flow, thinkTime: '3s' })).toEqual(['thinkTime: unknown key'])
  })

  it('lists every problem at once', () => {
    expect(problemsOf({ arrival: [{ from: 1, too: 2, seconds: 1 }], flow: [{ path: 'x' }], seed: -1 })).toHaveLength(4)
  })

  it('says of a key that is not there that it is missing', () => {
    expect(problemsOf({ flow })).toEqual(['arrival: is missing (expected array)'])
  })

  it('judges a segment by the form that it resembles', () => {
    expect(problemsOf({ arrival: [{ from: 1, to: 2 }], flow })).toEqual(['arrival[0].seconds: is missing (expected number)'])
  })

  it.each([
    ['{{int:9:1}}', 'two whole numbers'],
    ['{{zipf:1:9000000:1}}', 'the limit is 1000000'],
    ['{{agents.id}}', 'neither int, zipf nor a field of a feed'],
    ['{{cities.nme}}', 'has no "nme"'],
  ])('refuses the placeholder %s', (placeholder, why) => {
    const feeds = { cities: [{ name: 'Ulm' }] }
    expect(problemsOf({ arrival, feeds, flow: [{ path: `/${placeholder}` }] })[0]).toContain(why)
    expect(problemsOf({ arrival, feeds, flow: [{ path: '/', body: { deep: [placeholder] } }] })[0]).toContain('flow[0].body')
  })

  it('refuses a curve without a request and a flow without weight', () => {
    expect(problemsOf({ arrival: [{ rate: 0.5, seconds: 1 }], flow: [{ path: '/', weight: 0 }] })).toHaveLength(2)
  })
})

describe('loadScenarioFile', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-load-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('reads YAML and JSON, and names the scenario after the file', async () => {
    await writeFile(join(folder, 'steady.yaml'), 'arrival:\n  - {rate: 10, seconds: 1}\nflow:\n  - path: /\n')
    await writeFile(join(folder, 'other.json'), JSON.stringify({ arrival, flow, name: 'given' }))
    expect(await loadScenarioFile(join(folder, 'steady.yaml'))).toEqual({ name: 'steady', arrival, flow })
    expect((await loadScenarioFile(join(folder, 'other.json'))).name).toBe('given')
  })

  it('says which file it cannot read', async () => {
    await expect(loadScenarioFile(join(folder, 'none.yaml'))).rejects.toMatchObject({
      code: 'HF_LOAD_SCENARIO_NOT_FOUND',
      message: expect.stringContaining('none.yaml'),
    })
  })

  it('says that a file is not YAML', async () => {
    await writeFile(join(folder, 'broken.yaml'), 'arrival: [\n')
    await expect(loadScenarioFile(join(folder, 'broken.yaml'))).rejects.toMatchObject({ code: 'HF_LOAD_SCENARIO_INVALID' })
  })
})

it('keeps scenario.schema.json equal to what is checked', async () => {
  const stored = JSON.parse(await readFile(new URL('../scenario.schema.json', import.meta.url), 'utf8'))
  expect(stored).toEqual(JSON.parse(JSON.stringify(scenarioJsonSchema())))
})

describe('the target', () => {
  it.each(['http://127.0.0.1:3000', 'http://127.8.9.1', 'http://localhost:1', 'http://[::1]:80', 'https://app.localhost'])(
    'takes %s for this machine',
    url => {
      expect(resolveTarget(url, false).origin).toBe(new URL(url).origin)
    },
  )

  it.each(['http://example.com', 'http://10.0.0.1', 'http://127.0.0.1.example.com', 'http://localhost.example.com', 'http://0.0.0.0'])(
    'refuses %s unless it is allowed',
    url => {
      expect(() => resolveTarget(url, false)).toThrow(expect.objectContaining({ code: 'HF_LOAD_TARGET_NOT_LOCAL' }))
      expect(resolveTarget(url, true).origin).toBe(url)
    },
  )

  it('keeps the path of the base URL as a prefix', () => {
    expect(resolveTarget('http://localhost:1/api/', false)).toEqual({ origin: 'http://localhost:1', pathPrefix: '/api' })
  })

  it('is asked for when neither scenario nor options have it', async () => {
    await expect(runLoad({ arrival, flow })).rejects.toMatchObject({ code: 'HF_LOAD_SCENARIO_INVALID' })
  })
})

it('says that the package must be built when the thread has no file', () => {
  expect(() => startThread('nothing' as 'worker')).toThrow(
    expect.objectContaining({ code: 'HF_LOAD_WORKER_FAILED', hint: 'build the package: npm run build' }),
  )
})
