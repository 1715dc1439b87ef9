import { fileURLToPath } from 'node:url'
import { loadScenarioFile } from '@holdfast/load'
import { expect, it } from 'vitest'
import { scenarioPath } from '../src/index.ts'

it('has a load scenario that the load generator takes, and whose weights are per cent', async () => {
  const { flow } = await loadScenarioFile(fileURLToPath(scenarioPath))
  expect(flow.reduce((sum, { weight = 1 }) => sum + weight, 0)).toBe(100)
})
