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
    const { result, url } = await runDemo(
      { port: parsePort(options.port), apply: options.apply, plant: options.plant, signal, terminal, env: context.env },
      narrator,
      cleanup,
    )
    const finished = { ...result, report: await saveReport(options.report, result, narrator) }
    if (context.json) terminal.json(finished)
    if (stays) await stay(url, narrator, context)
    return demoSucceeded(finished) ? exitCode.ok : exitCode.objectiveBroken
  } finally {
    await cleanup.run()
  }
}

async function saveReport(path: string, result: DemoResult, narrator: Narrator): Promise<string> {
  const file = resolve(path)
  try {
    await writeFile(file, renderReport({ ...result, report: file }))
  } catch (error) {
    throw cliErrors.create('HF_CLI_FILE_UNWRITABLE', `cannot write the report to ${file}: ${(error as Error).message}`, {
      cause: error,
      hint: 'choose another place with --report <file>',
    })
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
