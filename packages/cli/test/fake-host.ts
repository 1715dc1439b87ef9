import type { CommandLineProcess } from '../src/command-line.ts'

/** A process whose streams are kept and whose signals a test sends. */
export interface FakeHost extends CommandLineProcess {
  out(): string
  err(): string
  interrupt(): void
}

/** No terminal at either end, as in a pipe. */
export function fakeHost(env: NodeJS.ProcessEnv = {}): FakeHost {
  let out = ''
  let err = ''
  const listeners = new Set<() => void>()
  return {
    env,
    stdin: {},
    stdout: { write: text => (out += text) },
    stderr: { write: text => (err += text) },
    on: (_event, listener) => listeners.add(listener),
    off: (_event, listener) => listeners.delete(listener),
    out: () => out,
    err: () => err,
    interrupt: () => {
      for (const listener of listeners) listener()
    },
  }
}
