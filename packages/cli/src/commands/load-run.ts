import { writeFile } from 'node:fs/promises'
import { type LoadResult, loadScenarioFile, runLoad } from '@holdfast/load'
import type { CommandContext } from '../command-line.ts'
import { exitCode } from '../exit-code.ts'
import { assertWritable, unwritable } from '../output-file.ts'
import { formatCount, formatMs } from '../render/measure.ts'

interface LoadRunOptions {
  readonly scenario: string
  readonly baseUrl?: string
  readonly out?: string
  readonly allowRemote?: boolean
}

/** `holdfast load run <scenario>`. An invalid run exits 1 and shows no latency as a result. */
export async function loadRun(options: LoadRunOptions, context: CommandContext): Promise<number> {
  const { terminal } = context
  const scenario = await loadScenarioFile(options.scenario)
  if (options.out !== undefined) await assertWritable(options.out, '--out')
  const result = await runLoad(scenario, {
    ...(options.baseUrl === undefined ? {} : { baseUrl: options.baseUrl }),
    allowRemote: options.allowRemote === true,
    signal: context.signal,
    onProgress: ({ doneCount, inFlight, lastSecond }) =>
      terminal.say(
        terminal.paint(
          'dim',
          `  ${formatCount(doneCount)} done, ${inFlight} in flight · last second ${lastSecond.perSec}/s, p95 ${formatMs(lastSecond.p95Ms)}, errors ${lastSecond.errors}`,
        ),
      ),
  })
  if (options.out !== undefined) await save(options.out, result)
  if (context.json) terminal.json(result)
  else for (const line of describe(result)) terminal.data(line)
  return result.valid && result.slo.met !== false ? exitCode.ok : exitCode.objectiveBroken
}

async function save(path: string, result: LoadResult): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(result)}\n`)
  } catch (error) {
    throw unwritable(path, '--out', error)
  }
}

function describe(result: LoadResult): string[] {
  const asked = `${result.scenario}: ${formatCount(result.requestCount)} requests at ${result.arrivalPerSec.toFixed(1)}/s, open loop`
  if (!result.valid) return [asked, '✗ INVALID, so there is no result:', ...result.invalidReasons.map(reason => `  ${reason}`)]
  const { latency, errors, slo } = result
  const objective = slo.met === null ? [] : [slo.met ? '✓ objective met' : `✗ objective broken: ${slo.broken.join('; ')}`]
  return [
    asked,
    `p50 ${formatMs(latency.p50Ms)} · p95 ${formatMs(latency.p95Ms)} · p99 ${formatMs(latency.p99Ms)} · max ${formatMs(latency.maxMs)} (from the intended send time)`,
    `errors ${errors.count} of ${formatCount(result.requestCount)}`,
    ...objective,
  ]
}
