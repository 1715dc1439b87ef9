import type { Worker } from 'node:worker_threads'
import type { LoadPlan } from './engine.ts'
import { type LoadErrorCode, loadErrors } from './errors.ts'
import type { LoadProgress, LoadResult } from './result.ts'
import type { Scenario } from './scenario.ts'
import { parseScenario } from './scenario-schema.ts'
import { resolveTarget } from './target.ts'
import { startThread } from './thread.ts'
import type { WorkerMessage } from './worker.ts'

/** Options of {@link runLoad}. */
export interface LoadOptions {
  /** Where to send. Default: the scenario's `baseUrl`. */
  readonly baseUrl?: string
  /** Ends the run: the promise rejects with the signal's reason once every connection is closed. */
  readonly signal?: AbortSignal
  /** Called once a second while the measured part runs. */
  readonly onProgress?: (progress: LoadProgress) => void
  /** Allows a target that is not on this machine. Default false. */
  readonly allowRemote?: boolean
}

/** Runs a scenario in a thread of its own and resolves with what it measured. Look at `valid` before anything else: when it is false, the figures
 *  say something about the generator and nothing about the target ({@link requireValid} turns that into an error).
 *  @throws HF_LOAD_SCENARIO_INVALID, HF_LOAD_TARGET_NOT_LOCAL before anything is sent.
 *  @throws HF_LOAD_TARGET_UNREACHABLE when no connection can be opened; nothing was sent.
 *  @throws HF_LOAD_WORKER_FAILED when the thread cannot be started or dies.
 *  @throws the signal's reason when it is aborted. */
export async function runLoad(scenario: Scenario, options: LoadOptions = {}): Promise<LoadResult> {
  const checked = parseScenario(scenario, scenario.name ?? 'scenario')
  const target = resolveTarget(options.baseUrl ?? checked.baseUrl, options.allowRemote ?? false)
  options.signal?.throwIfAborted()
  const plan: LoadPlan = { scenario: checked, target }
  const worker = startThread('worker', plan)
  try {
    return await outcomeOf(worker, options)
  } finally {
    // Also closes the connections of a run that was aborted.
    await worker.terminate()
  }
}

/** The result itself, when it is valid.
 *  @throws HF_LOAD_INVALID_RUN with every reason when it is not. */
export function requireValid(result: LoadResult): LoadResult {
  if (result.valid) return result
  throw loadErrors.create('HF_LOAD_INVALID_RUN', `the run "${result.scenario}" is invalid: ${result.invalidReasons.join('; ')}`, {
    context: { scenario: result.scenario, reasons: result.invalidReasons, generator: result.generator },
  })
}

function outcomeOf(worker: Worker, { signal, onProgress }: LoadOptions): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const settle = (act: () => void): void => {
      signal?.removeEventListener('abort', onAbort)
      act()
    }
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'result') settle(() => resolve(message.result))
      else if (message.kind === 'failed') settle(() => reject(revive(message)))
      else tellProgress(message.progress, onProgress, error => settle(() => reject(error)))
    })
    worker.on('error', cause => settle(() => reject(loadErrors.create('HF_LOAD_WORKER_FAILED', `the load thread died: ${cause.message}`, { cause }))))
    worker.on('exit', code =>
      settle(() => reject(loadErrors.create('HF_LOAD_WORKER_FAILED', `the load thread ended with ${code} and gave no result`))),
    )
  })
}

function tellProgress(progress: LoadProgress, onProgress: LoadOptions['onProgress'], onError: (error: unknown) => void): void {
  try {
    onProgress?.(progress)
  } catch (error) {
    // The caller's error is the caller's: it ends the run and arrives as it is.
    onError(error)
  }
}

function revive({ code, message, context }: Extract<WorkerMessage, { kind: 'failed' }>): Error {
  return loadErrors.create(code as LoadErrorCode, message, { context })
}
