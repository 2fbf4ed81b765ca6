import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

// As in a clone everywhere else: 'sluice' means the sources.
const alias = [
  { find: /^sluice$/, replacement: path('./lib/index.ts') },
  { find: /^sluice\/delta$/, replacement: path('./lib/delta.ts') },
  { find: /^sluice\/testing$/, replacement: path('./lib/testing/index.ts') },
]

const fast = ['test/{unit,property,contract,golden,simulation,types,cli}/**/*.test.ts', 'test/*.test.ts']
const slow = ['test/package.test.ts']

export default defineConfig({
  test: {
    maxWorkers: 2,
    passWithNoTests: true,
    reporters: ['default', './scripts/skipped-reporter.mjs'],
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'fast',
          include: fast,
          exclude: slow,
          testTimeout: 15_000,
          setupFiles: ['test/support/no-services.ts'],
        },
      },
      {
        resolve: { alias },
        // One after the other: they share one broker and one database.
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      { test: { name: 'package', include: slow, testTimeout: 300_000, hookTimeout: 300_000 } },
    ],
  },
})
