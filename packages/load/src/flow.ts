import type { Random } from './random.ts'
import type { FlowRequest, Scenario } from './scenario.ts'
import { compileBody, compileText, createRowPicker, type RowPicker, type TextTemplate } from './template.ts'

/** A request ready for the wire. One object for each kind of request is filled again and again, so that sending allocates little:
 *  read it before the next one is asked for. */
export interface PreparedRequest {
  /** Position in the scenario's flow. */
  readonly index: number
  readonly method: string
  readonly path: string
  /** Name, value, name, value, ... */
  readonly headers: readonly string[]
  readonly body: string | null
  isExpected(status: number): boolean
}

/** The mix of requests, drawn by the seed. */
export interface Flow {
  /** Names for the report, in the order of the scenario. */
  readonly names: readonly string[]
  next(): PreparedRequest
}

/** Compiles the requests of a scenario. `pathPrefix` is the path of the base URL, without a slash at its end. */
export function compileFlow(scenario: Scenario, pathPrefix: string, random: Random): Flow {
  const rows = createRowPicker(scenario.feeds ?? {}, random)
  const requests = scenario.flow.map((request, index) => new CompiledRequest(request, index, pathPrefix))
  const cumulative: number[] = []
  let total = 0
  for (const { weight = 1 } of scenario.flow) {
    total += weight
    cumulative.push(total)
  }
  const pick = (): CompiledRequest => {
    if (requests.length === 1) return requests[0]!
    const target = random() * total
    let i = 0
    while (i < requests.length - 1 && cumulative[i]! <= target) i++
    return requests[i]!
  }
  return {
    names: scenario.flow.map(nameOf),
    next() {
      rows.nextRequest()
      const request = pick()
      request.render(rows, random)
      return request
    },
  }
}

/** The name a request has in the report. */
export function nameOf(request: FlowRequest): string {
  return request.name ?? `${methodOf(request)} ${request.path}`
}

function methodOf(request: FlowRequest): string {
  return (request.method ?? 'GET').toUpperCase()
}

class CompiledRequest implements PreparedRequest {
  readonly index: number
  readonly method: string
  readonly headers: string[] = []
  path = '/'
  body: string | null = null
  readonly #path: TextTemplate
  readonly #headers: readonly TextTemplate[]
  readonly #body: TextTemplate | undefined
  readonly #expected: readonly number[] | undefined

  constructor(request: FlowRequest, index: number, pathPrefix: string) {
    this.index = index
    this.method = methodOf(request)
    this.#path = compileText(pathPrefix + request.path, encodeURIComponent)
    const headers = Object.entries(request.headers ?? {})
    if (request.body !== undefined && !headers.some(([name]) => name.toLowerCase() === 'content-type'))
      headers.push(['content-type', 'application/json'])
    this.#headers = headers.map(([, value]) => compileText(value))
    for (const [name, value] of headers) this.headers.push(name, value)
    this.#body = request.body === undefined ? undefined : compileBody(request.body)
    this.#expected = typeof request.expectStatus === 'number' ? [request.expectStatus] : request.expectStatus
  }

  render(rows: RowPicker, random: Random): void {
    this.path = this.#path(rows, random)
    for (let i = 0; i < this.#headers.length; i++) this.headers[2 * i + 1] = this.#headers[i]!(rows, random)
    if (this.#body !== undefined) this.body = this.#body(rows, random)
  }

  isExpected(status: number): boolean {
    return this.#expected === undefined ? status >= 200 && status < 400 : this.#expected.includes(status)
  }
}
