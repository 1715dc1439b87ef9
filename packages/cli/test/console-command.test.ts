import { expect, it } from 'vitest'
import { serve } from '../src/commands/console.ts'
import { createTerminal } from '../src/terminal.ts'
import { fakeHost } from './fake-host.ts'

it('leaves nothing that keeps the process alive when the console was interrupted while it was starting', async () => {
  const host = fakeHost()
  const before = process.listenerCount('disconnect')
  const context = {
    terminal: createTerminal(host),
    env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
    json: true,
    yes: false,
    signal: AbortSignal.abort(),
  }
  expect(await serve({ instance: ['http://127.0.0.1:1/'], service: 'leads', port: '0', namespace: 'app' }, context)).toBe(0)
  expect(process.listenerCount('disconnect')).toBe(before)
})
