import type { Duration } from 'holdfast/core'

/** A stretch of time with a constant rate, or with one that moves in a straight line. Rates are requests per second, 0 or more. */
export type ArrivalSegment =
  | { readonly rate: number; readonly seconds: number }
  | { readonly from: number; readonly to: number; readonly seconds: number }

/** One kind of request. Texts in `path`, `headers` and `body` may hold placeholders:
 *  `{{int:1:500}}` a whole number, both ends included; `{{zipf:1:500:0.99}}` the same, with small numbers more frequent (exponent last);
 *  `{{agents.id}}` the field `id` of a row of the feed `agents`, one row for each feed and request. */
export interface FlowRequest {
  /** Names the line of the report. Default: method and path as written. */
  readonly name?: string
  /** Default `GET`. */
  readonly method?: string
  /** Begins with `/` and is appended to `baseUrl`. Values of feeds are percent-encoded. */
  readonly path: string
  /** Share of the arrivals, relative to the other requests. Default 1; 0 switches the request off. */
  readonly weight?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, with `content-type: application/json` unless the headers name another. A text that is one placeholder and nothing else
   *  becomes the value itself, so `"{{int:1:9}}"` is sent as a number. */
  readonly body?: unknown
  /** Statuses that count as success. Default: 200 to 399. */
  readonly expectStatus?: number | readonly number[]
}

/** Limits that the run is held to. A broken limit does not make the run invalid: it is a result. */
export interface LoadSlo {
  readonly p95Ms?: number
  readonly p99Ms?: number
  /** Errors divided by requests, 0..1. */
  readonly errorRatio?: number
}

/** A load test as data. Open model: requests arrive when the curve says so, whether or not earlier ones were answered. */
export interface Scenario {
  /** Default: the name of the file, or `load`. */
  readonly name?: string
  /** Scheme, host and port, with an optional path prefix. The option of `runLoad` wins. */
  readonly baseUrl?: string
  readonly arrival: readonly ArrivalSegment[]
  /** `uniform`: evenly spaced under the curve. `poisson`: independent users; burstier, so the target waits more at the same rate. Default `uniform`. */
  readonly spacing?: 'uniform' | 'poisson'
  /** Requests on the wire at the same time, one connection each. As many again may wait; a run that reaches the limit is invalid. Default 1,000, 1..20,000. */
  readonly maxInFlight?: number
  /** Sent before the clock starts, and not measured. Default: none. */
  readonly warmUp?: { readonly rate: number; readonly seconds: number }
  /** Time from send until the request is given up and counted as the error `timeout`. Default `'10s'`. */
  readonly timeout?: Duration
  readonly flow: readonly FlowRequest[]
  /** Tables for placeholders. Rows are picked at random by the seed. */
  readonly feeds?: Readonly<Record<string, readonly Readonly<Record<string, string | number | boolean>>[]>>
  readonly slo?: LoadSlo
  /** The same seed sends the same requests at the same intended times. Default 1. */
  readonly seed?: number
}

/** Defaults that more than one file needs. */
export const SCENARIO_DEFAULTS = { maxInFlight: 1000, timeout: '10s', seed: 1, spacing: 'uniform' } as const
