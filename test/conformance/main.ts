/**
 * Reads tables that other engines wrote and compares what is in them with what those engines say.
 *
 *   npm run conformance -- --delta FOLDER [--only TEXT]
 *   npm run conformance -- --windows FOLDER [--only TEXT]
 *
 * FOLDER holds cases as `<suite>/<case>/`: the table in `delta/`, its kind in `case.json`, and what it holds in `expected/` (Parquet),
 * `expected_ndjson/`, `expected_state.json` and `expected_cdf.json`, as far as there are such. Compared are the rows of the latest
 * version and of every other that has an answer, protocol, schema, properties, transactions, active files and the change feed. Cases
 * of the kind `negative` must be refused by an error of ours. A table that is refused for a feature which docs/guide/delta-features.md
 * lists as refused passes, up to five of them. Exits with 1 if a case failed, or if there was none.
 *
 * Of windows, FOLDER holds JSON files with cases of other engines' own tests: rows, watermarks and what comes out. They go through the
 * windows stage and the close stage over memory adapters. A case is skipped only for a rule that docs/guide/pipeline.md excludes by name.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findCases } from './case.ts'
import { runCase } from './run-case.ts'
import { runWindows } from './windows/run-windows.ts'

const REFUSED_MAX = 5
const FEATURES = new URL('../../docs/guide/delta-features.md', import.meta.url)

/** The features of the docs' table that are refused. */
function refusedByDocs(): ReadonlySet<string> {
  const rows = readFileSync(fileURLToPath(FEATURES), 'utf8').matchAll(/^\|\s*`([^`]+)`\s*\|\s*refused\b/gm)
  return new Set(Array.from(rows, (match) => match[1]!))
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { delta: { type: 'string' }, windows: { type: 'string' }, only: { type: 'string', default: '' } },
  })
  if (values.windows !== undefined && existsSync(values.windows)) return runWindows(values.windows, values.only)
  const folder = values.delta
  if (folder === undefined || !existsSync(folder)) {
    console.error(
      `Expected --delta FOLDER with cases of Delta tables, or --windows FOLDER with cases of windows, found ${folder ?? values.windows ?? 'nothing'}.`,
    )
    return 1
  }
  const unsupported = refusedByDocs()
  const counts = { passed: 0, failed: 0, skipped: 0 }
  let refusals = 0
  for (const test of findCases(folder)) {
    if (!test.name.includes(values.only)) continue
    const { outcome, reasons, notes, refused } = await runCase(test, unsupported)
    counts[outcome]++
    if (outcome !== 'passed')
      console.log(`${outcome}: ${test.name}${reasons.map((reason) => `\n    ${reason}`).join('')}`)
    for (const note of notes ?? []) console.log(`note: ${test.name}: ${note}`)
    if (refused === undefined) continue
    refusals++
    console.log(`refused by name: ${test.name}: ${refused.join(', ')}`)
  }
  if (refusals > REFUSED_MAX)
    console.log(`Expected at most ${REFUSED_MAX} tables to be refused by name, found ${refusals}.`)
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  return counts.failed === 0 && counts.passed > 0 && refusals <= REFUSED_MAX ? 0 : 1
}

process.exitCode = await main()
