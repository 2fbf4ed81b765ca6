import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { AREAS } from './areas.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The tests of one area (MUTATION_AREA), as the mutation run starts them in its copy of the repository. */
export default defineConfig({
  root,
  resolve: {
    alias: [
      { find: /^sluice$/, replacement: `${root}lib/index.ts` },
      { find: /^sluice\/delta$/, replacement: `${root}lib/delta.ts` },
      { find: /^sluice\/testing$/, replacement: `${root}lib/testing/index.ts` },
    ],
  },
  test: {
    include: [...(AREAS[process.env['MUTATION_AREA'] ?? '']?.tests ?? [])],
    testTimeout: 15_000,
    isolate: false,
    setupFiles: ['test/support/no-services.ts', 'test/mutation/first-failure.ts'],
  },
})
