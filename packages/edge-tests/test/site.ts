import { type EdgeOptions, edgeWorker } from 'holdfast/worker'

/** What a site is made of, as JSON in its binding. */
export type SiteOptions = Omit<EdgeOptions, 'purge' | 'marks'>

interface Env {
  readonly ORIGIN: string
  readonly PURGE_SECRET?: string
  readonly OLD_PURGE_SECRET?: string
  readonly PURGES?: EdgeOptions['marks']
  /** The KV of another data center. */
  readonly FAR_PURGES?: { fetch(url: string, init: RequestInit): Promise<Response> }
  readonly OPTIONS: SiteOptions
}

/** The worker under test, written as a user writes one. */
export default edgeWorker<Env>(env => ({
  origin: env.ORIGIN,
  ...env.OPTIONS,
  rules: [
    { path: '/mine/*', identity: ({ lines }) => lines.find((_value, i) => i > 0 && lines[i - 1] === 'x-user') },
    { path: '/tagged/*', tags: ['shelf'] },
    ...(env.OPTIONS.rules ?? []),
  ],
  ...(env.PURGE_SECRET === undefined ? {} : { purge: { secrets: [env.PURGE_SECRET, env.OLD_PURGE_SECRET ?? env.PURGE_SECRET] } }),
  marks: env.PURGES ?? farMarks(env.FAR_PURGES),
}))

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
