// npm run test:mutation -- AREA [FILE…]: changes the code of an area bit by bit, and runs the tests that have to notice.
//
// Files of the area, by name or by a part of it (`conflict`), restrict the run. What was found before is kept in
// .reports/mutation/AREA.json, so that only what changed since, in the code or in its tests, is run again (--force: all).
import { Stryker } from '@stryker-mutator/core'
import { AREAS } from './areas.ts'

const [name = '', ...words] = process.argv.slice(2)
const area = AREAS[name]
const parts = words.filter((word) => !word.startsWith('--'))
const mutate =
  area?.mutate.filter((file) => parts.length === 0 || parts.some((part) => file.includes(`/${part}`))) ?? []

if (mutate.length === 0) {
  console.error(`Expected an area and some of its files. Areas: ${Object.keys(AREAS).join(', ')}.`)
  for (const file of area?.mutate ?? []) console.error(`  ${file}`)
  process.exit(2)
}

process.env['MUTATION_AREA'] = name
const reports = '.reports/mutation'
const results = await new Stryker({
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  mutate: [...mutate],
  // Only what the tests need is copied.
  ignorePatterns: ['*', '!lib', '!lib/**', '!test', '!test/**', '!pipelines', '!pipelines/**', '!package.json'],
  tempDirName: `${reports}/copy`,
  coverageAnalysis: 'perTest',
  incremental: true,
  incrementalFile: `${reports}/${name}.json`,
  force: words.includes('--force'),
  reporters: ['clear-text', 'html'],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: false },
  htmlReporter: { fileName: `${reports}/${name}.html` },
  allowConsoleColors: false,
  // Timed-out mutants are loops that never end; whatever else is slow is not.
  timeoutMS: 10_000,
  concurrency: 2,
  allowEmpty: false,
}).runMutationTest()

const undetected = results.filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
console.log(`${results.length} mutants, ${undetected.length} not noticed: ${reports}/${name}.html`)
