import { loadErrors } from './errors.ts'

/** Where the requests go. */
export interface Target {
  /** Scheme, host and port. */
  readonly origin: string
  /** Path of the base URL without a slash at its end; empty when it has none. */
  readonly pathPrefix: string
}

/** Splits a base URL, and makes sure that a typing error cannot load somebody else's host.
 *  @throws HF_LOAD_SCENARIO_INVALID when it is missing or not an http(s) URL.
 *  @throws HF_LOAD_TARGET_NOT_LOCAL when the host is not this machine and `allowRemote` is false. */
export function resolveTarget(baseUrl: string | undefined, allowRemote: boolean): Target {
  if (baseUrl === undefined) {
    throw loadErrors.create('HF_LOAD_SCENARIO_INVALID', 'baseUrl: is missing in the scenario and in the options', {
      hint: 'add baseUrl to the scenario, or pass --base-url',
    })
  }
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw loadErrors.create('HF_LOAD_SCENARIO_INVALID', `baseUrl: ${JSON.stringify(baseUrl)} is not an http or https URL`)
  }
  if (!allowRemote && !isLoopback(url.hostname)) {
    throw loadErrors.create('HF_LOAD_TARGET_NOT_LOCAL', `${url.host} is not this machine; load is sent to loopback addresses only`, {
      context: { host: url.host },
    })
  }
  return { origin: url.origin, pathPrefix: url.pathname.replace(/\/+$/, '') }
}

/** 127.0.0.0/8, ::1 and the names that RFC 6761 6.3 reserves. Names are not resolved: what resolves to loopback now may not in a minute. */
function isLoopback(hostname: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(hostname) || hostname === '[::1]' || hostname === 'localhost' || hostname.endsWith('.localhost')
}
