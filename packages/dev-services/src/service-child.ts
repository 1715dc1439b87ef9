import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Launcher } from './launcher.ts'
import { identifyProcess, type ProcessIdentity } from './process-identity.ts'
import type { ServiceExit } from './service.ts'

/** How to ask a service to end: one signal after the other, each with the time it is given. SIGKILL follows by itself. */
export type StopLadder = readonly { readonly signal: NodeJS.Signals; readonly graceMs: number }[]

/** A service to start. */
export interface ServiceSpec {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly launcher: Launcher
  /** Emptied at the start; receives stdout and stderr. A file and no pipe, so that a service survives the end of its reader. */
  readonly logFile: string
  /** Sent to stdin. Absent: nothing to read there. */
  readonly stdin?: string
  /** True: the service outlives us. */
  readonly detached: boolean
  readonly stopLadder: StopLadder
  /** What it gets when this process dies without stopping it. */
  readonly deathSignal: NodeJS.Signals
}

/** A running service of ours. */
export interface ServiceChild {
  readonly identity: ProcessIdentity
  readonly exited: Promise<ServiceExit>
  /** Undefined while it runs. */
  exit(): ServiceExit | undefined
  /** Resolves when the process is gone. Idempotent. */
  stop(): Promise<void>
  /** The last lines it logged. */
  logTail(): string
}

/** Starts a service. Rejects when it cannot be spawned (no such file, no permission, no process to be had). */
export async function spawnService(spec: ServiceSpec): Promise<ServiceChild> {
  const child = await spawned(spec)
  const pid = child.pid!
  // A process that ended already keeps its number until we read its status, which Node does later in this thread.
  const identity = identifyProcess(pid) ?? { pid, startedAt: 'ended' }
  const logTail = (): string => tailOf(spec.logFile)
  let stopRequested = false
  let exit: ServiceExit | undefined
  const exited = new Promise<ServiceExit>(resolve => {
    child.once('exit', (code, signal) => {
      exit = { expected: stopRequested, code, signal, logTail: stopRequested ? '' : logTail() }
      resolve(exit)
    })
  })
  // The kernel's death signal covers Linux; this covers an orderly process.exit() elsewhere.
  const endWithProcess = (): void => void child.kill(spec.deathSignal)
  if (spec.detached) child.unref()
  else {
    process.once('exit', endWithProcess)
    void exited.then(() => process.off('exit', endWithProcess))
  }
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopRequested = true
    stopping ??= descend(child, exited, spec.stopLadder)
    return stopping
  }
  return { identity, exited, exit: () => exit, stop, logTail }
}

/** Waits, at most `limitMs`; true when the promise came first. */
export async function isSettledWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>(resolve => {
    timer = setTimeout(resolve, limitMs, false)
  })
  try {
    return await Promise.race([promise.then(() => true as const), late])
  } finally {
    clearTimeout(timer)
  }
}

function spawned(spec: ServiceSpec): Promise<ChildProcess> {
  const { launcher, stdin } = spec
  const { command, args, ...account } = launcher.prepare({
    command: spec.command,
    args: spec.args,
    asService: true,
    ...(spec.detached ? {} : { deathSignal: spec.deathSignal }),
  })
  const log = openSync(spec.logFile, 'w', 0o600)
  try {
    // `detached` means a session of its own: Ctrl-C in the terminal is for us, and we stop the services in order.
    const child = spawn(command, args, {
      ...account,
      cwd: '/',
      env: spec.env,
      detached: true,
      stdio: [stdin === undefined ? 'ignore' : 'pipe', log, log],
    })
    // A child that dies before it has read its configuration is reported by its exit, not by EPIPE.
    child.stdin?.on('error', () => undefined).end(stdin)
    return new Promise((resolve, reject) => {
      child.once('spawn', () => resolve(child))
      child.once('error', reject)
    })
  } finally {
    closeSync(log)
  }
}

async function descend(child: ChildProcess, exited: Promise<ServiceExit>, ladder: StopLadder): Promise<void> {
  child.ref()
  for (const { signal, graceMs } of ladder) {
    child.kill(signal)
    if (await isSettledWithin(exited, graceMs)) return
  }
  child.kill('SIGKILL')
  await exited
}

const TAIL_LINES = 8
const TAIL_BYTES = 8192

function tailOf(file: string): string {
  try {
    const log = openSync(file, 'r')
    try {
      const buffer = Buffer.alloc(TAIL_BYTES)
      const length = readSync(log, buffer, 0, TAIL_BYTES, Math.max(0, fstatSync(log).size - TAIL_BYTES))
      return buffer.toString('utf8', 0, length).trimEnd().split('\n').slice(-TAIL_LINES).join('\n')
    } finally {
      closeSync(log)
    }
  } catch {
    return ''
  }
}
