/**
 * Kills a run at random moments and shows that nothing is lost and nothing doubled.
 *
 *   node test/kill/kill-run.ts [--kills 50] [--seed 1] [--input FILE]… [--partitions N] [--workers N] [--no-sql]
 *
 * `sluice run crimes` is started on a new data folder, killed with SIGKILL after a seeded random time (start-up and the end of
 * input are hit too), and started again, until it has been killed so often; the last start runs to its end. Then every table,
 * and Postgres, must hold the same rows as after a run that nobody disturbed (and that run the expected results, where there are
 * some for its month). Without --input it makes a file itself. Exits with 0 if all is equal.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeCrimesCsv } from '#local/simulator-csv.ts'
import { dice } from '../support/dice.ts'
import { unexpected } from './expected-results.ts'
import { type DatabaseRows, readDatabase, readLake, type TableRows } from './read-run.ts'

export interface KillOptions {
  readonly kills: number
  readonly seed: number
  /** Empty: a simulated file of `records` records. */
  readonly inputs: readonly string[]
  readonly records: number
  readonly extra: readonly string[]
  readonly sql: boolean
  readonly log: (line: string) => void
}

export interface KillReport {
  readonly kills: number
  /** Starts that ended before they could be killed. */
  readonly finishedEarly: number
  readonly differences: readonly string[]
}

const command = fileURLToPath(new URL('../../bin/sluice.mjs', import.meta.url))

interface Ended {
  readonly killed: boolean
  readonly millis: number
}

/** One start; killed after `killAfter` milliseconds unless it ends before. */
async function start(args: readonly string[], killAfter: number | null): Promise<Ended> {
  const began = performance.now()
  // The embedded topic and database are what is killed, whatever services the environment names.
  const { KAFKA_BROKERS: _brokers, DATABASE_URL: _database, ...env } = process.env
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'ignore', 'pipe'], env })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000)
  })
  const timer = killAfter === null ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter)
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('close', (...ended) => resolve(ended))
  })
  clearTimeout(timer)
  const killed = signal === 'SIGKILL' && killAfter !== null
  if (!killed && code !== 0) throw new Error(`sluice ended with ${signal ?? code}: ${said}`)
  return { killed, millis: performance.now() - began }
}

export async function killRun(options: KillOptions): Promise<KillReport> {
  const root = mkdtempSync(join(tmpdir(), 'sluice-kill-'))
  try {
    return await compareRuns(root, options)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

async function compareRuns(root: string, options: KillOptions): Promise<KillReport> {
  const { kills, seed, sql, log } = options
  const inputs = options.inputs.length > 0 ? options.inputs : [join(root, 'simulated.csv')]
  if (options.inputs.length === 0) writeFileSync(inputs[0]!, writeCrimesCsv(seed, options.records))
  const args = (data: string): string[] => [
    ...['run', 'crimes', '--quiet', '--data', data, ...options.extra, ...(sql ? [] : ['--no-sql'])],
    ...inputs.flatMap((input) => ['--input', input]),
  ]
  const calm = join(root, 'calm')
  const { millis } = await start(args(calm), null)
  log(`undisturbed: ${(millis / 1000).toFixed(1)} s`)
  const wrong = unexpected(await readLake(calm), inputs)
  if (wrong.length > 0) return { kills: 0, finishedEarly: 0, differences: wrong }
  const harried = join(root, 'harried')
  const roll = dice(seed)
  let killed = 0
  let finishedEarly = 0
  while (killed < kills) {
    // Some kills come later than the end would: then the run before was whole, and the next start must change nothing.
    const ended = await start(args(harried), roll() * millis * 1.1)
    if (ended.killed) killed++
    else finishedEarly++
    log(`${killed} of ${kills} kills, ${finishedEarly} whole runs`)
    if (finishedEarly > kills) throw new Error('the run ends before it can be killed: give it a larger input')
    // A run that is whole has nothing left to disturb: begin anew, so that every part of a run is hit again and again.
    if (!ended.killed && killed < kills) {
      const differences = await differencesOf(calm, harried, sql)
      if (differences.length > 0) return { kills: killed, finishedEarly, differences }
      rmSync(harried, { recursive: true, force: true })
    }
  }
  await start(args(harried), null)
  return { kills: killed, finishedEarly, differences: await differencesOf(calm, harried, sql) }
}

async function differencesOf(calm: string, harried: string, sql: boolean): Promise<readonly string[]> {
  const differences = compare(await readLake(calm), await readLake(harried))
  if (!sql) return differences
  return [...differences, ...compare(await readDatabase(calm), await readDatabase(harried))]
}

/** As multisets: a row that is missing and a row that is there twice are both named. */
function compare(expected: TableRows | DatabaseRows, found: TableRows | DatabaseRows): readonly string[] {
  const differences: string[] = []
  for (const [table, rows] of expected) {
    const left = new Map<string, number>()
    for (const row of rows) left.set(row, (left.get(row) ?? 0) + 1)
    for (const row of found.get(table) ?? []) left.set(row, (left.get(row) ?? 0) - 1)
    const wrong = [...left].filter(([, count]) => count !== 0)
    if (wrong.length === 0) continue
    const examples = wrong.slice(0, 3).map(([row, count]) => `${count > 0 ? 'missing' : 'too often'} ${row}`)
    differences.push(`${table}: ${wrong.length} rows differ, such as ${examples.join('; ')}`)
  }
  return differences
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      input: { type: 'string', multiple: true, default: [] },
      records: { type: 'string', default: '20000' },
      partitions: { type: 'string' },
      workers: { type: 'string' },
      'no-sql': { type: 'boolean', default: false },
    },
  })
  const extra = (['partitions', 'workers'] as const).flatMap((name) =>
    values[name] === undefined ? [] : [`--${name}`, values[name]],
  )
  const report = await killRun({
    kills: Number(values.kills),
    seed: Number(values.seed),
    inputs: values.input,
    records: Number(values.records),
    extra,
    sql: !values['no-sql'],
    log: (line) => process.stderr.write(`${line}\n`),
  })
  for (const difference of report.differences) process.stdout.write(`DIFFERS ${difference}\n`)
  const verdict = report.differences.length === 0 ? 'all tables equal' : 'NOT EQUAL'
  process.stdout.write(
    `seed ${values.seed}: ${report.kills} kills, ${report.finishedEarly} whole runs between: ${verdict}\n`,
  )
  process.exitCode = report.differences.length === 0 ? 0 : 1
}

if (import.meta.main) await main()
