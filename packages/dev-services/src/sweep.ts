import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, type ProcessIdentity } from './process-identity.ts'

/** Between two looks at a process that is not our child: nothing tells us of its end. */
const LOOK_EVERY_MS = 20
/** SIGQUIT ends PostgreSQL without a checkpoint, and Redis at once; what is left after this time is killed. */
const QUIT_GRACE_MS = 3000

/** Ends processes that an earlier holder left behind. Touches only the very processes recorded. Resolves within 4 s. */
export async function sweepProcesses(
  left: readonly ProcessIdentity[],
  signal: NodeJS.Signals = 'SIGQUIT',
  graceMs: number = QUIT_GRACE_MS,
): Promise<void> {
  const alive = left.filter(isAlive)
  for (const { pid } of alive) kill(pid, signal)
  await allGone(alive, graceMs)
  const stubborn = alive.filter(isAlive)
  for (const { pid } of stubborn) kill(pid, 'SIGKILL')
  await allGone(stubborn, 1000)
}

async function allGone(processes: readonly ProcessIdentity[], limitMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < limitMs && processes.some(isAlive); waitedMs += LOOK_EVERY_MS) await sleep(LOOK_EVERY_MS)
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already, or not ours to end; a data folder still in use is then reported by PostgreSQL.
  }
}
