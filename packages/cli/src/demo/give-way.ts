import { setPriority } from 'node:os'

/** Lowers the priority of a process, so that the load generator is scheduled first. Without the right to do so nothing changes: the generator
 *  measures its own drift, and a step in which it was late is called invalid. */
export function giveWay(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness)
  } catch {
    return
  }
}
