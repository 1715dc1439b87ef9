import { defineConfig } from 'vitest/config'

const conditions = ['holdfast-source']
// vitest loads global set-ups through an environment of its own, which reads neither of the other two.
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } }, environments: { __vitest__: { resolve: { conditions } } } }

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
          isolate: false,
          // A limit on hanging, not on time: a busy machine is ten times slower.
          testTimeout: 30_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'integration',
          include: ['{packages,examples}/*/test/integration/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          globalSetup: ['packages/testkit/src/vitest-services.ts'],
        },
      },
    ],
  },
})
