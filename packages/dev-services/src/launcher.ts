import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { findOnPath } from './find-on-path.ts'

/** An account, by number. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** A command as it is really spawned. */
export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly uid?: number
  readonly gid?: number
}

/** What is to be launched. */
export interface LaunchRequest {
  readonly command: string
  readonly args: readonly string[]
  /** Sent by the kernel when this process dies. Absent: the child outlives us. Linux with setpriv(1) only. */
  readonly deathSignal?: NodeJS.Signals
  /** Run as the service account instead of our own. Without effect unless we are root. */
  readonly asService: boolean
}

/** Turns a command into one that runs as the right account and dies with us. */
export interface Launcher {
  /** The account that services run as, when it is not our own: `nobody`, because PostgreSQL refuses root. */
  readonly serviceAccount: Account | undefined
  prepare(request: LaunchRequest): Launch
}

/** Finds out what this machine offers. Runs setpriv(1) once where it exists (3 ms). */
export async function createLauncher(env: NodeJS.ProcessEnv): Promise<Launcher> {
  const serviceAccount = process.getuid?.() === 0 ? accountOfNobody() : undefined
  const setpriv = await workingSetpriv(env)
  return {
    serviceAccount,
    prepare: request => prepareLaunch(request, setpriv, serviceAccount),
  }
}

/** The pure part of `Launcher.prepare`. */
export function prepareLaunch(request: LaunchRequest, setpriv: string | undefined, serviceAccount: Account | undefined): Launch {
  const { command, args, deathSignal } = request
  const account = request.asService ? serviceAccount : undefined
  if (setpriv === undefined || (account === undefined && deathSignal === undefined)) {
    return account === undefined ? { command, args } : { command, args, ...account }
  }
  // One call for both: a later change of credentials would clear the death signal (prctl(2), PR_SET_PDEATHSIG); setpriv sets it last.
  const options: string[] = []
  if (account !== undefined) options.push(`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups')
  if (deathSignal !== undefined) options.push('--pdeathsig', deathSignal.replace(/^SIG/, ''))
  return { command: setpriv, args: [...options, '--', command, ...args] }
}

/** Looks up `nobody` in the text of /etc/passwd; 65534 when it is not there. */
export function parseNobody(passwd: string): Account {
  const found = /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd)
  return found === null ? { uid: 65534, gid: 65534 } : { uid: Number(found[1]), gid: Number(found[2]) }
}

function accountOfNobody(): Account {
  try {
    return parseNobody(readFileSync('/etc/passwd', 'utf8'))
  } catch {
    return parseNobody('')
  }
}

/** BusyBox has a setpriv without --pdeathsig, so its presence is not enough. */
function workingSetpriv(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const setpriv = process.platform === 'linux' ? findOnPath('setpriv', env, ['/usr/bin', '/bin']) : undefined
  if (setpriv === undefined) return Promise.resolve(undefined)
  return new Promise(resolve => {
    execFile(setpriv, ['--pdeathsig', 'KILL', '--', setpriv, '--version'], { timeout: 5000 }, error => resolve(error === null ? setpriv : undefined))
  })
}
