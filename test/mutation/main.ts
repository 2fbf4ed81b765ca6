// npm run test:mutation -- AREA [FILE…]: changes the code of an area bit by bit, and runs the tests that have to notice.
//
// `delta` stands for all areas whose names begin so. Files of the area, by the beginning of their names (`conflict`), restrict the run.
// What was found before is kept in .reports/mutation/AREA.json, so that only what changed since, in the code or in its tests, is run
// again (--force: all).
import { Stryker } from '@stryker-mutator/core'
import { AREAS } from './areas.ts'

const REPORTS = '.reports/mutation'
const [wanted = '', ...words] = process.argv.slice(2)
const parts = words.filter((word) => !word.startsWith('--'))
const runs = Object.entries(AREAS)
  .filter(([name]) => wanted !== '' && `${name}-`.startsWith(`${wanted}-`))
  .map(([name, { mutate }]) => {
    const chosen = mutate.filter((file) => parts.length === 0 || parts.some((part) => file.includes(`/${part}`)))
    return { name, mutate: chosen }
  })
  .filter(({ mutate }) => mutate.length > 0)

if (runs.length === 0) {
  console.error('Expected an area, and files of it or none. Areas and their files:')
  for (const [name, { mutate }] of Object.entries(AREAS)) console.error(`  ${name}: ${mutate.join(', ')}`)
  process.exitCode = 2
}
for (const { name, mutate } of runs) await run(name, mutate)

async function run(name: string, mutate: readonly string[]): Promise<void> {
  process.env['MUTATION_AREA'] = name
  const results = await new Stryker({
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
    mutate: [...mutate],
    // Only what the tests need is copied.
    ignorePatterns: ['*', '!lib', '!lib/**', '!test', '!test/**', '!pipelines', '!pipelines/**', '!package.json'],
    tempDirName: `${REPORTS}/copy`,
    coverageAnalysis: 'perTest',
    incremental: true,
    incrementalFile: `${REPORTS}/${name}.json`,
    force: words.includes('--force'),
    reporters: ['clear-text', 'html'],
    clearTextReporter: { logTests: false, reportTests: false, allowColor: false },
    htmlReporter: { fileName: `${REPORTS}/${name}.html` },
    allowConsoleColors: false,
    // A mutant that takes so much longer than its tests is a loop that never ends.
    timeoutMS: 10_000,
    concurrency: 2,
  }).runMutationTest()
  const unnoticed = results.filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
  console.log(`${name}: ${results.length} mutants, ${unnoticed.length} not noticed: ${REPORTS}/${name}.html`)
}
