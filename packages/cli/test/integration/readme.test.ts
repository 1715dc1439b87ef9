import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../../..', import.meta.url))

/** Commands of the README that other tests are: this run is `npm test`, and demo.test.ts runs `npm start`. */
const RUN_ELSEWHERE = new Set(['npm install && npm start', 'npm install && npm test'])

function shellLines(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, body]) => body!.trim().split('\n'))
}

function run(command: string, env: NodeJS.ProcessEnv): Promise<{ code: number; out: string; err: string }> {
  return new Promise(resolve => {
    execFile('bash', ['-c', command], { cwd: root, env }, (error, out, err) => resolve({ code: (error?.code as number | undefined) ?? 0, out, err }))
  })
}

describe('the README', () => {
  it('shows commands that work in the order in which they stand', async () => {
    const lines = shellLines('README.md')
    const { DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = process.env
    // The usual cache folder: its data folders are numbered, so nothing is shared with a running demo.
    const env = inherited
    for (const command of lines) {
      if (RUN_ELSEWHERE.has(command)) continue
      const { code, out, err } = await run(command, env)
      expect(code, `${command}\n${out}${err}`).toBe(0)
    }
    expect(lines.filter(line => line.startsWith('npx holdfast services'))).not.toEqual([])
  }, 120_000)

  it('names exactly two npm commands', () => {
    expect(shellLines('README.md').filter(line => line.startsWith('npm'))).toEqual([...RUN_ELSEWHERE])
  })
})
