import { type EdgeMetrics, type EdgeOptions, edgeWorker } from 'holdfast/worker'

/** What a site is made of, as JSON in its binding. */
export type SiteOptions = Omit<EdgeOptions, 'purge' | 'marks' | 'metrics'>

/** A point as the worker writes it. */
export type Point = Required<Parameters<EdgeMetrics['dataset']['writeDataPoint']>[0]>

interface Env {
  readonly ORIGIN: string
  readonly PURGE_SECRET?: string
  readonly OLD_PURGE_SECRET?: string
  readonly PURGES?: EdgeOptions['marks']
  /** The KV of another data center. */
  readonly FAR_PURGES?: { fetch(url: string, init: RequestInit): Promise<Response> }
  readonly OPTIONS: SiteOptions
  /** A dataset of the platform. workerd alone takes points and keeps none. */
  readonly POINTS?: EdgeMetrics['dataset']
  /** Instead: `kept`, to be asked for at `/points`, or `refused`. */
  readonly OWN_POINTS?: 'kept' | 'refused'
  readonly SAMPLE?: number
}

/** The worker under test, written as a user writes one. */
const worker = edgeWorker<Env>(env => ({
  origin: env.ORIGIN,
  ...env.OPTIONS,
  rules: [
    { path: '/mine/*', identity: ({ lines }) => lines.find((_value, i) => i > 0 && lines[i - 1] === 'x-user') },
    { path: '/tagged/*', tags: ['shelf'] },
    ...(env.OPTIONS.rules ?? []),
  ],
  ...(env.PURGE_SECRET === undefined ? {} : { purge: { secrets: [env.PURGE_SECRET, env.OLD_PURGE_SECRET ?? env.PURGE_SECRET] } }),
  marks: env.PURGES ?? farMarks(env.FAR_PURGES),
  metrics: metricsOf(env),
}))

const points: Point[] = []

export default {
  fetch: (request: Request, env: Env, ctx: Parameters<typeof worker.fetch>[2]): Promise<Response> => {
    if (env.OWN_POINTS === 'kept' && new URL(request.url).pathname === '/points') return Promise.resolve(Response.json(points.splice(0)))
    return worker.fetch(request, env, ctx)
  },
}

function metricsOf({ POINTS, OWN_POINTS, SAMPLE }: Env): EdgeMetrics | undefined {
  const dataset = POINTS ?? (OWN_POINTS && { writeDataPoint: OWN_POINTS === 'kept' ? keepPoint : refusePoint })
  return dataset && { dataset, ...(SAMPLE === undefined ? {} : { sample: SAMPLE }) }
}

/** Takes what Analytics Engine takes. */
function keepPoint({ indexes = [], blobs = [], doubles = [] }: Partial<Point>): void {
  const bytes = (texts: readonly string[]): number => new TextEncoder().encode(texts.join('')).byteLength
  if (indexes.length !== 1 || bytes(indexes) > 96 || blobs.length > 20 || doubles.length > 20 || bytes(blobs) > 16_384) refusePoint()
  points.push({ indexes, blobs, doubles })
}

function refusePoint(): never {
  throw new TypeError('this point is refused')
}

/** KV by way of a service. */
function farMarks(service: Env['FAR_PURGES']): EdgeOptions['marks'] {
  if (service === undefined) return undefined
  const call = async (method: string, ...args: unknown[]): Promise<[string, string | null][]> => {
    const answer = await service.fetch('http://kv/', { method: 'POST', body: JSON.stringify({ method, args }) })
    return (await answer.json()) as [string, string | null][]
  }
  return {
    get: async (names, options) => new Map(await call('get', names, options)),
    put: async (name, value, options) => void (await call('put', name, value, options)),
  }
}
