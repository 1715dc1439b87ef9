import { emitKeypressEvents } from 'node:readline'
import type { Terminal } from '../terminal.ts'

/** What to do with the finding. */
export type Decision = 'apply' | 'leave' | 'quit'

/** Asks at a terminal: [a] applies, [e] shows the evidence, [q] quits. Without one, applies after `delayMs`.
 *  Resolves also when `appliedElsewhere` does: the page has the same button. */
export function decide(
  terminal: Terminal,
  delayMs: number,
  showEvidence: () => void,
  appliedElsewhere: Promise<unknown>,
  signal: AbortSignal,
): Promise<Decision> {
  return new Promise((resolve, reject) => {
    const stop = terminal.interactive ? listen() : wait()
    const end = (decision: Decision): void => {
      stop()
      resolve(decision)
    }
    signal.addEventListener(
      'abort',
      () => {
        stop()
        reject(signal.reason)
      },
      { once: true },
    )
    void appliedElsewhere.then(() => end('apply'))

    function wait(): () => void {
      const timer = setTimeout(() => end('apply'), delayMs)
      return () => clearTimeout(timer)
    }

    function listen(): () => void {
      return onKey(key => {
        if (key === 'a') end('apply')
        else if (key === 'e') showEvidence()
        else if (key === 'q') end('quit')
      })
    }
  })
}

/** Calls `listener` for each key until the returned function is called. Ctrl-C stays an interrupt. */
export function onKey(listener: (key: string) => void): () => void {
  const { stdin } = process
  emitKeypressEvents(stdin)
  stdin.setRawMode(true)
  stdin.resume()
  const handle = (_text: string, key: { name?: string; ctrl?: boolean }): void => {
    if (key.ctrl === true && key.name === 'c') process.kill(process.pid, 'SIGINT')
    else if (key.name !== undefined) listener(key.name)
  }
  stdin.on('keypress', handle)
  return () => {
    stdin.off('keypress', handle)
    stdin.setRawMode(false)
    stdin.pause()
  }
}
