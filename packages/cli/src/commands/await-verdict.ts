import { delay, type Finding, systemClock } from 'holdfast/core'
import type { Advisor } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'

/** Pauses between two looks: a fiftieth of the whole, so that three days leave no thousand lines in the audit log. */
const LOOKS = 50
const LEAST_PAUSE_MS = 1000

/** Verifies until there is a verdict, at most for `waitMs`; each look says what is still missing. The finding as it was last.
 *  @throws HF_CLI_INTERRUPTED when the signal ends it; the finding stays as it is */
export async function awaitVerdict(id: string, waitMs: number, advisor: Advisor, { terminal, signal }: CommandContext): Promise<Finding> {
  const endMs = systemClock.monotonicMs() + waitMs
  for (;;) {
    const found = await advisor.verify(id)
    const leftMs = endMs - systemClock.monotonicMs()
    if (found.verification?.verdict !== 'undecided' || leftMs <= 0) return found
    terminal.say(terminal.paint('dim', `  ${found.verification.why}`))
    await delay(systemClock, Math.min(leftMs, Math.max(LEAST_PAUSE_MS, waitMs / LOOKS)), signal)
  }
}
