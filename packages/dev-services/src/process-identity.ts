import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number
  /** Opaque. Linux: start time in clock ticks since boot (field 22 of proc_pid_stat(5)); elsewhere the text of `ps -o lstart`. */
  readonly startedAt: string
}

/** The identity of a live process, or undefined when there is none (a zombie counts as none). Linux: reads one file; elsewhere runs `ps`. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid)
  return startedAt === undefined ? undefined : { pid, startedAt }
}

/** True while the very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startedAt === identity.startedAt
}

/** The command line of a process, words joined by spaces; empty when unknown. */
export function commandLineOf(pid: number): string {
  if (process.platform !== 'linux') return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? ''
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

/** Reads state and start time from the text of /proc/<pid>/stat. */
export function parseStat(stat: string): { state: string; startedAt: string; parent: number } | undefined {
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, startedAt] = [fields[0], fields[19]]
  return state === undefined || startedAt === undefined ? undefined : { state, startedAt, parent: Number(fields[1]) }
}

function startOnLinux(pid: number): string | undefined {
  try {
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    return stat === undefined || stat.state === 'Z' || stat.state === 'X' ? undefined : stat.startedAt
  } catch {
    return undefined
  }
}

function startByPs(pid: number): string | undefined {
  const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env: { LC_ALL: 'C', PATH: process.env.PATH } })
  return stdout?.trim() || undefined
}
