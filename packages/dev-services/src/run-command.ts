import { spawn } from 'node:child_process'
import type { Launcher } from './launcher.ts'

/** A command that ends by itself, and its bounds. */
export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly launcher: Launcher
  /** Run as the service account. */
  readonly asService: boolean
  readonly timeoutMs: number
  /** Ends the command early. */
  readonly signal: AbortSignal
}

/** What a command left. A command that could not run at all has `ok: false` and says why in `output`. */
export interface CommandResult {
  readonly ok: boolean
  /** stdout and stderr, in order of arrival, the last 64 kB. */
  readonly output: string
}

const OUTPUT_LIMIT = 64 * 1024

/** Runs a command to its end or its time limit. Never rejects; leaves no process of its group behind. */
export function runCommand(request: Command): Promise<CommandResult> {
  const { launcher, asService, timeoutMs, signal } = request
  if (signal.aborted) return Promise.resolve({ ok: false, output: 'aborted' })
  const { command, args, ...account } = launcher.prepare({ ...request, asService, deathSignal: 'SIGKILL' })
  return new Promise(resolve => {
    // A group of its own, so that the helpers of apt-get and initdb end with it.
    const child = spawn(command, args, { ...account, cwd: '/', env: request.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    let output = ''
    let stoppedBy: string | undefined
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-OUTPUT_LIMIT)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const kill = (why: string): void => {
      stoppedBy ??= why
      killGroup(child.pid)
    }
    const timer = setTimeout(() => kill(`stopped after ${timeoutMs / 1000} s`), timeoutMs)
    const onAbort = (): void => kill('aborted')
    signal.addEventListener('abort', onAbort, { once: true })
    const finish = (ok: boolean, more: string): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      resolve({ ok, output: `${output.trim()}${more === '' ? '' : `\n${more}`}`.trim() })
    }
    child.once('error', error => finish(false, error.message))
    child.once('close', (code, by) => finish(code === 0 && stoppedBy === undefined, stoppedBy ?? (by === null ? '' : `ended by ${by}`)))
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended in the meantime.
  }
}
