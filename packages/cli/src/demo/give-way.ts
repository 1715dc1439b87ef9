import { readFile, writeFile } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { delay, systemClock } from 'holdfast/core'

/** On the usual scale, -20 to 19; more is later. */
const NICENESS = 10
/** Linux takes one change of a group in a tenth of a second from an ordinary user. */
const RETRY_MS = 110
const ATTEMPTS = 2

/** Lets a process run after the load generator. Without the right to say so, or elsewhere than on Linux, less or nothing changes: the generator measures
 *  its own drift, and a step in which it was late is called invalid. */
export async function giveWay(pid: number): Promise<void> {
  try {
    setPriority(pid, NICENESS)
  } catch {
    // Another user's process; the group below may still be ours.
  }
  if (await sharesOurGroup(pid)) return
  // The scheduler weighs sessions first and processes within a session second, and each PostgreSQL backend is a session of its own. @source sched(7), "The autogroup feature"
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const done = await writeFile(`/proc/${pid}/autogroup`, String(NICENESS)).then(
      () => true,
      error => (error as NodeJS.ErrnoException).code !== 'EAGAIN',
    )
    if (done) return
    await delay(systemClock, RETRY_MS)
  }
}

/** True also where there are no groups. Ours is not lowered: the generator is in it. */
async function sharesOurGroup(pid: number): Promise<boolean> {
  const groupOf = async (who: number | 'self'): Promise<string | undefined> =>
    (await readFile(`/proc/${who}/autogroup`, 'utf8').catch(() => '')).split(' ', 1)[0]
  const [theirs, ours] = [await groupOf(pid), await groupOf('self')]
  return theirs === '' || theirs === ours
}
