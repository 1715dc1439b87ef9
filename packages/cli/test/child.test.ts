import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startChild } from '../src/demo/child.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-child-'))

function moduleOf(name: string, code: string): string {
  const path = join(folder, `${name}.mjs`)
  writeFileSync(path, code)
  return path
}

const readReady = (line: unknown): { port: number } | undefined => ((line as { ready?: boolean }).ready ? (line as { port: number }) : undefined)

describe('a child of the demo', () => {
  it('is ready when it says so, and stops when told to', async () => {
    const module = moduleOf('good', `console.log('hello'); console.log(JSON.stringify({ ready: true, port: 7 })); setInterval(() => {}, 1000)`)
    const child = await startChild({ name: 'sample', module, env: process.env, readReady })
    expect(child.ready.port).toBe(7)
    await child.stop()
    expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
    await child.stop()
  })

  it('that dies before it is ready is reported with its last words', async () => {
    const module = moduleOf('dies', `console.error('no room left'); process.exit(4)`)
    const failure = startChild({ name: 'sample', module, env: process.env, readReady })
    await expect(failure).rejects.toMatchObject({
      code: 'HF_CLI_SERVICE_DIED',
      message: expect.stringMatching(/the sample ended before it was ready \(exit 4\): no room left/),
    })
  })

  it('that says why in JSON is reported with its own code', async () => {
    const error = { schema: 'holdfast.error/1', error: { code: 'HF_CONSOLE_PORT_TAKEN', message: 'port 1 is taken', hint: 'another one' } }
    const module = moduleOf('coded', `console.log(${JSON.stringify(JSON.stringify(error))}); process.exit(2)`)
    await expect(startChild({ name: 'sample', module, env: process.env, readReady })).rejects.toMatchObject({
      code: 'HF_CONSOLE_PORT_TAKEN',
      hint: 'another one',
    })
  })

  it('is stopped when the start is interrupted', async () => {
    const module = moduleOf('silent', `setInterval(() => {}, 1000)`)
    const abort = new AbortController()
    const starting = startChild({ name: 'sample', module, env: process.env, readReady, signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(starting).rejects.toThrow('enough')
    await expect(startChild({ name: 'sample', module, env: process.env, readReady, signal: abort.signal })).rejects.toThrow('enough')
  })
})
