import { parseDurationMs } from 'holdfast/core'
import { z } from 'zod'
import { intendedCount } from './arrivals.ts'
import { loadErrors } from './errors.ts'
import { nearestKey } from './nearest-key.ts'
import type { Scenario } from './scenario.ts'
import { templateProblem } from './template.ts'

const rate = z.number().nonnegative()
const seconds = z.number().positive()
const status = z.int().min(100).max(599)

const constantSegment = z.strictObject({ rate, seconds })
const rampSegment = z.strictObject({ from: rate, to: rate, seconds })

const flowRequest = z.strictObject({
  name: z.string().min(1).optional(),
  method: z.string().min(1).optional(),
  path: z.string().startsWith('/'),
  weight: z.number().nonnegative().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.unknown().optional(),
  expectStatus: z.union([status, z.array(status).min(1)]).optional(),
})

const slo = z.strictObject({
  p95Ms: z.number().positive().optional(),
  p99Ms: z.number().positive().optional(),
  errorRatio: z.number().min(0).max(1).optional(),
})

const scenarioSchema = z.strictObject({
  name: z.string().min(1).optional(),
  baseUrl: z.string().optional(),
  arrival: z.array(z.union([constantSegment, rampSegment])).min(1),
  spacing: z.enum(['uniform', 'poisson']).optional(),
  maxInFlight: z.int().min(1).max(20_000).optional(),
  warmUp: z.strictObject({ rate: z.number().positive(), seconds }).optional(),
  timeout: z
    .string()
    .regex(/^\d+(\.\d+)?(ms|s|m|h|d|w)$/)
    .optional(),
  flow: z.array(flowRequest).min(1),
  feeds: z.record(z.string(), z.array(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))).min(1)).optional(),
  slo: slo.optional(),
  seed: z.int().nonnegative().optional(),
})

/** Keys of every object of the schema, by the last name in the path that leads there. */
const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(scenarioSchema.shape),
  arrival: [...Object.keys(constantSegment.shape), ...Object.keys(rampSegment.shape)],
  flow: Object.keys(flowRequest.shape),
  slo: Object.keys(slo.shape),
  warmUp: ['rate', 'seconds'],
}

type Issue = z.core.$ZodIssue

/** Checks a scenario that came from a file or from code. `source` names it in the message. Values are not changed and no defaults are added.
 *  @throws HF_LOAD_SCENARIO_INVALID listing every problem, with the nearest known key for each unknown one. */
export function parseScenario(value: unknown, source: string): Scenario {
  const parsed = scenarioSchema.safeParse(value, { reportInput: true })
  const problems = parsed.success ? contentProblems(parsed.data as Scenario) : parsed.error.issues.flatMap(issue => describe(issue, []))
  if (problems.length === 0) return parsed.data as Scenario
  throw loadErrors.create('HF_LOAD_SCENARIO_INVALID', `${source}: ${problems.join('; ')}`, { context: { source, problems } })
}

/** The JSON schema of a scenario, for editors: `scenario.schema.json` of this package is this, and a test keeps it so. */
export function scenarioJsonSchema(): Record<string, unknown> {
  return { title: 'Holdfast load scenario', ...z.toJSONSchema(scenarioSchema) }
}

function describe(issue: Issue, parents: readonly PropertyKey[]): string[] {
  const path = [...parents, ...issue.path]
  if (issue.code === 'invalid_union') {
    // Of the forms that a value may have, the one with the fewest problems is the one that was meant.
    const likeliest = issue.errors.toSorted((a, b) => weigh(a) - weigh(b))[0]
    if (likeliest !== undefined) return likeliest.flatMap(inner => describe(inner, path))
  }
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => describeUnknownKey(path, key))
  const isMissing = issue.code === 'invalid_type' && issue.input === undefined
  return [`${pathText(path)}: ${isMissing ? `is missing (expected ${issue.expected})` : issue.message}`]
}

function weigh(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0)
}

function describeUnknownKey(path: readonly PropertyKey[], key: string): string {
  const parent = path.findLast(part => typeof part === 'string')
  const nearest = nearestKey(key, KNOWN_KEYS[String(parent ?? '')] ?? [])
  return `${pathText([...path, key])}: unknown key${nearest === undefined ? '' : `, did you mean "${nearest}"?`}`
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'scenario'
  return path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}${text === '' ? '' : '.'}${String(part)}`), '')
}

/** What the shape alone cannot say. */
function contentProblems(scenario: Scenario): string[] {
  const problems: string[] = []
  if (intendedCount(scenario.arrival) < 1) problems.push('arrival: the curve holds less than one request')
  if (!scenario.flow.some(request => (request.weight ?? 1) > 0)) problems.push('flow: every request has the weight 0')
  if (scenario.timeout !== undefined && parseDurationMs(scenario.timeout) === 0) problems.push('timeout: is 0')
  if (scenario.baseUrl !== undefined && !isHttpUrl(scenario.baseUrl))
    problems.push(`baseUrl: ${JSON.stringify(scenario.baseUrl)} is not an http or https URL`)
  scenario.flow.forEach((request, i) => {
    for (const [key, part] of Object.entries({ path: request.path, headers: request.headers, body: request.body })) {
      const problem = templateProblem(part, scenario.feeds ?? {})
      if (problem !== undefined) problems.push(`flow[${i}].${key}: ${problem}`)
    }
  })
  return problems
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}
