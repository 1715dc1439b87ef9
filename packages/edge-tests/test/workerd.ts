import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

/** One worker of a run. */
export interface SitePlan {
  readonly bindings: Readonly<Record<string, unknown>>
  /** A KV namespace: one of its own, or that of another site. */
  readonly kv?: 'own' | (string & {})
  /** Name of a binding of Analytics Engine. */
  readonly dataset?: string
  /** Another worker stands before it, which gives up on a request after the milliseconds in its field `x-leave-after`: the platform then ends the request here, as it does when
   *  a client goes. Default false. */
  readonly hasFront?: boolean
}

/** Workers that are being served. */
export interface Workerd<Name extends string> {
  readonly urls: Readonly<Record<Name, string>>
  stop(): Promise<void>
}

/** Miniflare needs node 22. Where the tests run on an older one, it comes from npm. */
function nodeForMiniflare(): string {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath
  const name = `node-${process.platform}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin/node')
  } catch {
    throw new Error(`workerd needs node 22, this is ${process.versions.node} and there is no ${name}: run npm install, or the tests on node 22`)
  }
}

/** Bundles the worker as a user's tool does. `ofNode` are the modules of node that it met, used or not. */
export async function bundleWorker(): Promise<{ readonly code: string; readonly ofNode: readonly string[] }> {
  const ofNode: string[] = []
  const build = await rolldown({
    input: fileURLToPath(new URL('./site.ts', import.meta.url)),
    platform: 'browser',
    resolve: { conditionNames: ['holdfast-source', 'workerd', 'worker', 'import', 'default'] },
    external: name => {
      if (isBuiltin(name)) ofNode.push(name)
      return isBuiltin(name)
    },
  })
  const { output } = await build.generate({ format: 'esm', codeSplitting: false })
  await build.close()
  return { code: output[0].code, ofNode }
}

/** Starts real workerd with these workers. */
export async function startWorkerd<Name extends string>(code: string, plans: Readonly<Record<Name, SitePlan>>): Promise<Workerd<Name>> {
  const sites = Object.entries<SitePlan>(plans).map(([name, plan]) => ({ name, ...plan }))
  const node = nodeForMiniflare()
  if (!existsSync(node)) throw new Error(`${node} is not there`)
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-worker-'))
  const script = join(folder, 'site.mjs')
  writeFileSync(script, code)
  const host = fileURLToPath(new URL('./workerd-host.mjs', import.meta.url))
  // Miniflare keeps what it needs below the folder for temporary files: here it goes with the rest, also when it is killed.
  const env = { ...process.env, TMPDIR: folder }
  const child = spawn(node, [host, JSON.stringify({ script, sites })], { stdio: ['pipe', 'pipe', 'inherit'], env })
  const urls = JSON.parse(await firstLine(child)) as Record<Name, string>
  return {
    urls,
    stop: async () => {
      const ended = new Promise(resolve => child.once('exit', resolve))
      child.stdin.end()
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', chunk => {
      text += chunk
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')))
    })
    child.once('exit', code => reject(new Error(`workerd did not start (exit ${code})`)))
  })
}
