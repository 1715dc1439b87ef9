import type { InstanceSnapshot } from 'holdfast'
import { consoleErrors } from '../errors.ts'

/** One instance of the service, wherever it runs. */
export interface InstanceSource {
  /** Differs for each source of a console; shown in the page. */
  readonly id: string
  /** Called once a second. Must give up when `signal` is aborted. A rejection marks the instance as away. */
  read(signal: AbortSignal): Promise<InstanceSnapshot>
}

/** Largest answer read from an instance; 1,000 routes and statements take about 2 MB. */
const ANSWER_LIMIT_BYTES = 16 * 1024 * 1024

/** The instance in this process. */
export function localInstance(hf: { snapshot(): InstanceSnapshot }): InstanceSource {
  return { id: 'this process', read: async () => hf.snapshot() }
}

/** An instance in another process, which serves `instance(hf, { token })` of `holdfast/express` at `url`. Its id is host and port.
 *  Reading it rejects with HF_CONSOLE_SOURCE when it answers with an error or with something else than measurements. */
export function remoteInstance(url: string, token: string): InstanceSource {
  const { host } = new URL(url)
  return {
    id: host,
    async read(signal) {
      const response = await fetch(url, { headers: { authorization: `Bearer ${token}` }, redirect: 'error', signal }).catch(error => {
        throw consoleErrors.create('HF_CONSOLE_SOURCE', `${host} does not answer: ${causeOf(error)}`, { cause: error })
      })
      if (!response.ok) {
        await response.body?.cancel()
        throw consoleErrors.create('HF_CONSOLE_SOURCE', `${host} answers, but shows no measurements (${response.status})`, {
          context: { status: response.status },
        })
      }
      return parseSnapshot(await readText(response, host), host)
    },
  }
}

/** `fetch` says "fetch failed" and hides the reason in `cause`. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? ((cause as { code?: string }).code ?? cause.message) : String(cause)
}

async function readText(response: Response, host: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.length
    if (sizeBytes > ANSWER_LIMIT_BYTES) throw consoleErrors.create('HF_CONSOLE_SOURCE', `${host} answered more than ${ANSWER_LIMIT_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseSnapshot(text: string, host: string): InstanceSnapshot {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    // Not JSON is not a snapshot: `answer` stays undefined.
  }
  if (isSnapshot(answer)) return answer
  throw consoleErrors.create('HF_CONSOLE_SOURCE', `${host} answered something that is not a holdfast.instance/1 snapshot`)
}

/** Checks the frame of a snapshot; what is inside a series is checked by reading it. */
function isSnapshot(answer: unknown): answer is InstanceSnapshot {
  const { schema, service, instanceId, startedAtMs, atMs, health, metrics, statements } = Object(answer) as Partial<InstanceSnapshot>
  return (
    schema === 'holdfast.instance/1' &&
    typeof service === 'string' &&
    typeof instanceId === 'string' &&
    typeof startedAtMs === 'number' &&
    typeof atMs === 'number' &&
    Array.isArray(health?.reasons) &&
    Array.isArray(metrics) &&
    metrics.every(family => Array.isArray(family?.series)) &&
    Array.isArray(statements)
  )
}
