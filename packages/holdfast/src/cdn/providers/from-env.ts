import type { CdnProvider } from '../provider.ts'
import { type CloudflareOptions, cloudflare } from './cloudflare.ts'
import { cloudFront } from './cloudfront.ts'
import { fastly } from './fastly.ts'
import { workerEndpoint } from './worker-endpoint.ts'

/** The CDNs that an environment names, so that a service and the command line purge the same:
 *  `HOLDFAST_CDN_CLOUDFLARE_ZONE` (with `CLOUDFLARE_API_TOKEN`, and `HOLDFAST_CDN_CLOUDFLARE_PLAN`), `HOLDFAST_CDN_FASTLY_SERVICE` (with `FASTLY_API_TOKEN`),
 *  `HOLDFAST_CDN_CLOUDFRONT_DISTRIBUTION` (with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`),
 *  `HOLDFAST_CDN_WORKER_URL` (with `HOLDFAST_CDN_WORKER_SECRET`). `HOLDFAST_CDN_<NAME>_API` names another address of the API.
 *  None: an empty list. @throws HF_CONFIG_INVALID for a CDN that is named and lacks its credential */
export function cdnProvidersFromEnv(env: Readonly<Record<string, string | undefined>>): readonly CdnProvider[] {
  const providers: CdnProvider[] = []
  const api = (name: string): { api: string } | Record<never, never> => {
    const url = env[`HOLDFAST_CDN_${name}_API`]
    return url ? { api: url } : {}
  }
  const { HOLDFAST_CDN_CLOUDFLARE_ZONE: zone, HOLDFAST_CDN_FASTLY_SERVICE: service, HOLDFAST_CDN_CLOUDFRONT_DISTRIBUTION: distribution } = env
  if (zone) {
    const plan = env.HOLDFAST_CDN_CLOUDFLARE_PLAN as CloudflareOptions['plan']
    providers.push(cloudflare({ zone, token: env.CLOUDFLARE_API_TOKEN ?? '', ...(plan ? { plan } : {}), ...api('CLOUDFLARE') }))
  }
  if (service) providers.push(fastly({ service, token: env.FASTLY_API_TOKEN ?? '', ...api('FASTLY') }))
  if (distribution) {
    const credentials = {
      accessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '',
      sessionToken: env.AWS_SESSION_TOKEN || undefined,
    }
    providers.push(cloudFront({ distribution, credentials, ...api('CLOUDFRONT') }))
  }
  if (env.HOLDFAST_CDN_WORKER_URL) {
    providers.push(workerEndpoint({ url: env.HOLDFAST_CDN_WORKER_URL, secret: env.HOLDFAST_CDN_WORKER_SECRET ?? '' }))
  }
  return providers
}
