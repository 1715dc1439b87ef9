import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { CommandContext } from '../command-line.ts'
import { createCleanup } from '../demo/cleanup.ts'
import { onKey } from '../demo/decision.ts'
import { createNarrator, type Narrator } from '../demo/narrator.ts'
import { renderReport } from '../demo/report.ts'
import { type DemoResult, demoSucceeded } from '../demo/result.ts'
import { runDemo } from '../demo/run-demo.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { assertWritable, unwritable } from '../output-file.ts'
import { parsePort } from '../port.ts'

interface DemoCommandOptions {
  readonly once?: boolean
  readonly apply: boolean
  readonly plant?: 'useless'
  readonly port: string
  readonly report: string
}

/** `holdfast demo`: exits 0 only when every step was valid and the verdict is `fixed`. */
export async function demo(options: DemoCommandOptions, context: CommandContext): Promise<number> {
  const { terminal, signal } = context
  const narrator = createNarrator(terminal)
  const cleanup = createCleanup()
  const stays = options.once !== true && !context.json
  try {
    const port = parsePortPair(options.port)
    await assertWritable(resolve(options.report), '--report')
    const { result, url } = await runDemo({ port, apply: options.apply, plant: options.plant, signal, terminal, env: context.env }, narrator, cleanup)
    const finished = { ...result, report: await saveReport(options.report, result, narrator) }
    if (context.json) terminal.json(finished)
    if (stays) await stay(url, narrator, context)
    return demoSucceeded(finished) ? exitCode.ok : exitCode.objectiveBroken
  } finally {
    await cleanup.run()
  }
}

/** The console's port; the service takes the next one. @throws HF_CLI_USAGE */
function parsePortPair(text: string): number {
  const port = parsePort(text)
  if (port < 65_535) return port
  throw cliErrors.create('HF_CLI_USAGE', '--port 65535: must be at most 65534, because the service takes the next one')
}

async function saveReport(path: string, result: DemoResult, narrator: Narrator): Promise<string> {
  const file = resolve(path)
  try {
    await writeFile(file, renderReport({ ...result, report: file }))
  } catch (error) {
    throw unwritable(file, '--report', error)
  }
  narrator.say(`Report: ${path} (one file, opens offline)`)
  return file
}

/** Keeps everything up until the user has seen enough. */
function stay(url: string, narrator: Narrator, { terminal, signal }: CommandContext): Promise<void> {
  narrator.say(`everything stays up: ${url}`)
  narrator.add(terminal.interactive ? 'press [q] to stop' : 'stop with Ctrl-C')
  return new Promise(end => {
    const stopListening = terminal.interactive
      ? onKey(key => {
          if (key !== 'q') return
          stopListening()
          end()
        })
      : () => {}
    signal.addEventListener(
      'abort',
      () => {
        stopListening()
        end()
      },
      { once: true },
    )
  })
}
