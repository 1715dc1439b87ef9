import { readFile } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { parse as parseYaml } from 'yaml'
import { loadErrors } from './errors.ts'
import type { Scenario } from './scenario.ts'
import { parseScenario } from './scenario-schema.ts'

/** Reads a scenario from a YAML or JSON file. Without a `name` it takes the name of the file.
 *  @throws HF_LOAD_SCENARIO_NOT_FOUND when the file cannot be read.
 *  @throws HF_LOAD_SCENARIO_INVALID when it is not YAML, or not a scenario; every problem is listed. */
export async function loadScenarioFile(path: string): Promise<Scenario> {
  const scenario = parseScenario(parseText(await readText(path), path), path)
  return { ...scenario, name: scenario.name ?? basename(path, extname(path)) }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
    throw loadErrors.create('HF_LOAD_SCENARIO_NOT_FOUND', `cannot read the scenario ${path} (${reason})`, { cause, context: { path, reason } })
  }
}

function parseText(text: string, path: string): unknown {
  try {
    // JSON is YAML 1.2, so one parser reads both.
    return parseYaml(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause)
    throw loadErrors.create('HF_LOAD_SCENARIO_INVALID', `${path}: ${reason}`, { cause, context: { source: path } })
  }
}
