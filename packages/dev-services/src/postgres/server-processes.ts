import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { parseStat } from '../process-identity.ts'

/** The postmaster and its backends, each of which is a process of its own group. Linux: reads /proc; elsewhere runs `ps`. */
export function serverProcesses(postmaster: number): readonly number[] {
  const pairs = process.platform === 'linux' ? parentsOnLinux() : parentsByPs()
  return [postmaster, ...pairs.filter(({ parent }) => parent === postmaster).map(({ pid }) => pid)]
}

/** Signals the whole server at once: a postmaster that is stopped alone leaves its backends running. */
export function signalServer(postmaster: number, signal: NodeJS.Signals): void {
  for (const pid of serverProcesses(postmaster)) {
    try {
      process.kill(pid, signal)
    } catch {
      // It ended in between.
    }
  }
}

interface Parentage {
  readonly pid: number
  readonly parent: number
}

function parentsOnLinux(): Parentage[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        return [{ pid: Number(name), parent: parseStat(readFileSync(`/proc/${name}/stat`, 'utf8'))?.parent ?? 0 }]
      } catch {
        return []
      }
    })
}

function parentsByPs(): Parentage[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  return (stdout ?? '').split('\n').map(line => {
    const [pid, parent] = line.trim().split(/\s+/).map(Number)
    return { pid: pid ?? 0, parent: parent ?? 0 }
  })
}
