import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { type ErrorCode, isHoldfastError } from 'holdfast/core'
import { type LoadPlan, runEngine } from './engine.ts'
import type { LoadProgress, LoadResult } from './result.ts'

/** What the generator's thread says to its owner. Errors go as plain data, because a thread boundary strips classes. */
export type WorkerMessage =
  | { readonly kind: 'progress'; readonly progress: LoadProgress }
  | { readonly kind: 'result'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly context: Readonly<Record<string, unknown>> }

/** Scheduling priority of the generator's thread. It sleeps most of the time, so going first costs the target little, and a generator that waits for a
 *  processor behind its target measures the scheduler. */
const NICENESS = -10

// Imported for its type elsewhere; runs only as a thread. Stands after the constant, which does not exist before its line is reached.
if (parentPort !== null) {
  goFirst(NICENESS)
  await work(workerData as LoadPlan, message => parentPort?.postMessage(message))
}

/** On Linux the call is about the calling thread alone. It takes a right that ordinary users lack; without it the drift is measured all the same. */
function goFirst(niceness: number): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(0, niceness)
  } catch {
    // Not permitted.
  }
}

async function work(plan: LoadPlan, tell: (message: WorkerMessage) => void): Promise<void> {
  try {
    tell({ kind: 'result', result: await runEngine(plan, { onProgress: progress => tell({ kind: 'progress', progress }) }) })
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    tell({ kind: 'failed', code: error.code, message: error.message, context: error.context })
  }
}
