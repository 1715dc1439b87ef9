import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { HoldfastError } from 'holdfast/core'
import { cliErrors } from '../errors.ts'

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process of the demo. It ends with its parent, even when that is killed: it watches the IPC channel. */
export interface Child<Ready> {
  readonly pid: number
  /** What it said when it was ready. */
  readonly ready: Ready
  readonly exited: Promise<ChildExit>
  /** SIGTERM, then SIGKILL after the limit. Idempotent. */
  stop(): Promise<void>
}

/** What to start and how to know that it is ready. */
export interface ChildOptions<Ready> {
  /** Appears in errors. */
  readonly name: string
  readonly module: URL | string
  readonly args?: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Reads a line of the child's stdout; anything but undefined means ready. Lines are JSON. */
  readonly readReady: (line: unknown) => Ready | undefined
  readonly signal?: AbortSignal
}

const READY_LIMIT_MS = 15_000
const STOP_LIMIT_MS = 6000
/** Last lines of stderr kept for the error message. */
const KEPT_LINES = 5

/** Starts a Node process and waits until it is ready.
 *  @throws HF_CLI_SERVICE_DIED, or the coded error that the child printed with `--json` */
export async function startChild<Ready>(options: ChildOptions<Ready>): Promise<Child<Ready>> {
  options.signal?.throwIfAborted()
  // A session of its own: the scheduler weighs sessions, and the load generator must not share its parent's with what it measures.
  const process = fork(options.module, options.args ?? [], { env: options.env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true })
  const lastWords = keepLastLines(process.stderr!)
  const exited = new Promise<ChildExit>(resolve => process.once('exit', (code, signal) => resolve({ code, signal })))
  const stop = (): Promise<void> => stopProcess(process, exited)
  try {
    const ready = await firstReadyLine(process, exited, lastWords, options)
    return { pid: process.pid!, ready, exited, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function firstReadyLine<Ready>(
  child: ChildProcess,
  exited: Promise<ChildExit>,
  lastWords: readonly string[],
  options: ChildOptions<Ready>,
): Promise<Ready> {
  const { name, readReady, signal } = options
  return new Promise<Ready>((resolve, reject) => {
    const died = (why: string): void =>
      reject(cliErrors.create('HF_CLI_SERVICE_DIED', `the ${name} ${why}${lastWords.length === 0 ? '' : `: ${lastWords.join(' | ')}`}`))
    const timer = setTimeout(() => died(`was not ready within ${READY_LIMIT_MS / 1000} s`), READY_LIMIT_MS)
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    child.once('error', error => died(`could not be started (${error.message})`))
    void exited.then(({ code, signal: by }) => {
      clearTimeout(timer)
      died(`ended before it was ready (${by ?? `exit ${code}`})`)
    })
    createInterface({ input: child.stdout! }).on('line', text => {
      const line = parseJson(text)
      const failure = codedFailure(line)
      if (failure !== undefined) reject(failure)
      const ready = line === undefined ? undefined : readReady(line)
      if (ready === undefined) return
      clearTimeout(timer)
      resolve(ready)
    })
  })
}

function keepLastLines(stream: Readable): readonly string[] {
  const lines: string[] = []
  createInterface({ input: stream }).on('line', line => {
    lines.push(line)
    if (lines.length > KEPT_LINES) lines.shift()
  })
  return lines
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function codedFailure(line: unknown): HoldfastError | undefined {
  const { schema, error } = (line ?? {}) as { schema?: string; error?: { code: string; message: string; hint: string } }
  if (schema !== 'holdfast.error/1' || error === undefined) return undefined
  return new HoldfastError(error.code as HoldfastError['code'], error.message, { hint: error.hint, retryable: false })
}

async function stopProcess(process: ChildProcess, exited: Promise<ChildExit>): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  process.kill('SIGTERM')
  const timer = setTimeout(() => process.kill('SIGKILL'), STOP_LIMIT_MS)
  await exited
  clearTimeout(timer)
}
