import { defineConfig } from 'vitest/config'

const conditions = ['holdfast-source']
// vitest loads global set-ups through an environment of its own, which reads neither of the other two.
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } }, environments: { __vitest__: { resolve: { conditions } } } }

/** Integration tests run in this many lanes, each with services of its own: `npm test` uses two, because most tests wait for a server. */
const lanes = Number(process.env.HOLDFAST_TEST_LANES ?? 1)
/** What measures the machine, or takes all of it, runs after the others and by itself. */
const alone = ['packages/load/test/integration/**/*.test.ts', 'packages/cli/test/integration/{demo,load-command,readme}.test.ts']
const temporary = 'packages/testkit/src/vitest-temporary.ts'
const integration = {
  pool: 'forks',
  testTimeout: 60_000,
  hookTimeout: 120_000,
  globalSetup: ['packages/testkit/src/vitest-services.ts', temporary],
  setupFiles: ['packages/testkit/src/vitest-lane.ts'],
} as const

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['{packages,examples}/*/test/**/*.test.ts'],
          exclude: ['**/integration/**', '**/node_modules/**'],
          pool: 'threads',
          globalSetup: [temporary],
          isolate: false,
          // A limit on hanging, not on time: a busy machine is ten times slower.
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...shared,
        test: {
          ...integration,
          name: 'integration',
          include: ['{packages,examples}/*/test/integration/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...alone],
          maxWorkers: lanes,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...shared,
        test: { ...integration, name: 'integration-alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
})
