/**
 * Kills `sluice run crimes` with SIGKILL at random moments, starts it again until it ends, and compares every table with those of
 * a run that nobody disturbed: bronze has each line once, no row is missing, none is there twice. Prints a line a run.
 *
 *   npm run test:kill -- --kills 50 --seed 1 --input crimes.csv
 *   node test/kill/kill-run.ts …         the same, with Node 24
 *
 *   --kills N        how often (default 20)
 *   --seed S         the moments (default 1)
 *   --input FILE     may be given several times; without, simulated crimes
 *   --partitions N   default 6
 *   --workers N      default 0
 *   --sql            with the embedded Postgres, whose tables are compared too
 *   --data DIR       where the data folders go (default: a temporary folder); what differs stays there
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    input: { type: 'string', multiple: true, default: [] },
    partitions: { type: 'string', default: '6' },
    workers: { type: 'string', default: '0' },
    sql: { type: 'boolean', default: false },
    data: { type: 'string' },
  },
})
// Before the pipeline is loaded, which imports 'sluice'.
await import(new URL('../../bin/self-reference.mjs', import.meta.url).href)
const { killRuns } = await import('./kill-runs.ts')
const report = await killRuns({
  kills: Number(values.kills),
  seed: Number(values.seed),
  inputs: values.input,
  partitions: Number(values.partitions),
  workers: Number(values.workers),
  sql: values.sql,
  folder: values.data ?? mkdtempSync(join(tmpdir(), 'sluice-kill-')),
  say: (line) => console.log(line),
})
const sorted = report.moments.toSorted((a, b) => a - b)
console.log(
  `${report.kills} kills in ${report.runs} runs, ${sorted[0]} to ${sorted.at(-1)} ms after the start: all tables equal`,
)
