import { cloneDatabase } from '@holdfast/testkit'
import { expect, it } from 'vitest'
import { advisorFor } from '../../src/database.ts'
import { diagnose } from '../../src/demo/loop.ts'
import { createNarrator } from '../../src/demo/narrator.ts'
import type { DemoOptions, Stage } from '../../src/demo/stage.ts'
import { createTerminal } from '../../src/terminal.ts'
import { fakeHost } from '../fake-host.ts'

it('ends the demo with a code when the traffic gives no reason for advice', async () => {
  const database = await cloneDatabase({ name: 'quiet' })
  const advisor = advisorFor(database.url, () => {})
  const terminal = createTerminal(fakeHost())
  const narrator = createNarrator(terminal)
  const stage = { advisor, console: { url: 'http://127.0.0.1/' } } as Stage
  const options = { terminal, plant: undefined } as DemoOptions
  await expect(diagnose(stage, await advisor.mark(), options, narrator)).rejects.toMatchObject({
    code: 'HF_CLI_NO_FINDING',
    message: expect.stringContaining('none of'),
  })
  expect(narrator.incidents).toHaveLength(1)
  await database.drop()
})
