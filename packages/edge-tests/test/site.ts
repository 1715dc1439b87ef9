import { type EdgeOptions, edgeWorker } from 'holdfast/worker'

/** What a site is made of, as JSON in its binding. */
export type SiteOptions = Omit<EdgeOptions, 'purge' | 'marks'>

interface Env {
  readonly ORIGIN: string
  readonly PURGE_SECRET?: string
  readonly OLD_PURGE_SECRET?: string
  readonly PURGES?: EdgeOptions['marks']
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
  ...(env.PURGES === undefined ? {} : { marks: env.PURGES }),
}))
