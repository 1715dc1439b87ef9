import { consoleErrors } from './errors.ts'

/** Runs work that must not run twice at once. */
export type Alone = <T>(what: string, work: () => Promise<T>) => Promise<T>

/** Lets one piece of work run at a time; the next one is refused, not queued, because whoever asked is looking at a page.
 *  The returned function rejects with HF_CONSOLE_BUSY. */
export function oneAtATime(): Alone {
  let running: string | undefined
  return async (what, work) => {
    if (running !== undefined) throw consoleErrors.create('HF_CONSOLE_BUSY', `${running} is running`)
    running = what
    try {
      return await work()
    } finally {
      running = undefined
    }
  }
}
