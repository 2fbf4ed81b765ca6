import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { pgliteDriver } from '#adapters/postgres/pglite.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { HOUR } from '#core/time.ts'
import { DeltaTable } from '#delta/table.ts'
import { writeCrimesCsv } from '#local/simulator.ts'
import { isWindowOutput } from '#plan/plan.ts'
import { tablePath } from '#runtime/runtime.ts'
import { plannedSqlTables, plannedTables } from '#runtime/tables.ts'
import crimes from '../../pipelines/crimes.ts'
import { type Contents, differences, latestRows, linesOf, type TableRow, without } from '../support/table-rows.ts'

export interface KillOptions {
  readonly kills: number
  readonly seed: number
  /** CSV or JSON lines; none: simulated crimes. */
  readonly inputs: readonly string[]
  readonly partitions: number
  readonly workers: number
  readonly sql: boolean
  /** Data folders go here. */
  readonly folder: string
  readonly say: (line: string) => void
}

export interface KillReport {
  readonly kills: number
  /** Runs that were killed and started again until they ended. */
  readonly runs: number
  /** Milliseconds after the start at which a process was killed. */
  readonly moments: readonly number[]
  /** Of an undisturbed run. */
  readonly millis: number
}

/** Simulated crimes where there is no input: enough for a run of some seconds. */
const SIMULATED = 40_000
const START_UP = 500

const bin = fileURLToPath(new URL('../../bin/sluice.mjs', import.meta.url))
const expected = new URL('../../../shared/data/expected/', import.meta.url)

/**
 * Runs the crimes pipeline, kills it again and again, and compares every table with those of a run that nobody disturbed, and
 * with the expected results where there are some.
 *
 * @throws Error that says what differs, and how to do the same again
 */
export async function killRuns(options: KillOptions): Promise<KillReport> {
  const { folder, say } = options
  mkdirSync(folder, { recursive: true })
  const inputs = options.inputs.length > 0 ? options.inputs : [simulated(folder, options.seed)]
  const started = performance.now()
  await run({ ...options, inputs }, join(folder, 'undisturbed'), null)
  const millis = performance.now() - started
  const wanted = await contentsOf(join(folder, 'undisturbed'), options.sql)
  checkExpected(wanted, inputs)
  say(`undisturbed: ${Math.round(millis)} ms, ${wanted['bronze.crimes']!.length} records`)
  const random = mulberry32(options.seed)
  const moments: number[] = []
  let runs = 0
  for (; moments.length < options.kills; runs++) {
    const data = join(folder, `killed-${runs}`)
    for (let done = false; !done; ) {
      // One in three while it starts up; the others anywhere up to the end of input, whose phase is the last.
      const moment = moments.length < options.kills ? Math.floor(random() * (random() < 0.33 ? START_UP : millis)) : null
      done = await run({ ...options, inputs }, data, moment)
      if (!done) moments.push(moment!)
    }
    const found = differences(await contentsOf(data, options.sql), wanted)
    if (found.length > 0) throw new Error(`seed ${options.seed}, run ${runs} in ${data} differs:\n${found.join('\n')}`)
    rmSync(data, { recursive: true })
    say(`run ${runs} came to its end: ${moments.length} kills so far, all tables equal`)
  }
  rmSync(join(folder, 'undisturbed'), { recursive: true })
  return { kills: moments.length, runs, moments, millis }
}

function simulated(folder: string, seed: number): string {
  const path = join(folder, 'simulated.csv')
  writeFileSync(path, writeCrimesCsv(seed, SIMULATED))
  return path
}

/** One process; true when it came to its end, false when it was killed before. */
function run(options: KillOptions, data: string, killAfter: number | null): Promise<boolean> {
  const { inputs, partitions, workers, sql } = options
  const args = ['run', 'crimes', ...inputs.flatMap((input) => ['--input', input]), '--data', data, '--quiet']
  args.push('--partitions', String(partitions), '--workers', String(workers), '--batch-size', '1000')
  if (!sql) args.push('--no-sql')
  // Not through the Node that hands over to another: the kill would miss that one.
  const child = spawn(nodePath(), [bin, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const timer = killAfter === null ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter)
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  child.on('error', reject)
  child.on('close', (code, signal) => {
    clearTimeout(timer)
    if (code === 0) resolve(true)
    else if (signal === 'SIGKILL' && killAfter !== null) resolve(false)
    else reject(new Error(`sluice run ended with ${signal ?? `code ${code}`}: ${said}`))
  })
  return promise
}

function nodePath(): string {
  const [major = 0] = process.versions.node.split('.').map(Number)
  return major >= 24 ? process.execPath : fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url))
}

/** All tables with their coordinates; those of windows at the latest revision. */
async function contentsOf(data: string, sql: boolean): Promise<Contents> {
  const runtime = { store: new DirectoryObjectStore(join(data, 'lake')), clock: { now: () => 0 }, ids: randomIds }
  const contents: Record<string, readonly string[]> = {}
  for (const { name, output } of plannedTables(crimes)) {
    const table = await DeltaTable.open({ ...runtime, clock: { ...runtime.clock, sleep: async () => {} } }, tablePath(name))
    const rows: TableRow[] = []
    for await (const run of (await table.snapshot()).rows()) rows.push(...run)
    const windows = crimes.outputs.filter(isWindowOutput).find((one) => one.name === output)
    const latest = windows === undefined ? rows : latestRows(rows, windows.groupBy)
    contents[name] = linesOf(latest.map((row) => without(row, ['ingest_time', 'append_time'])))
  }
  return sql ? { ...contents, ...(await sqlContents(join(data, 'postgres'))) } : contents
}

async function sqlContents(folder: string): Promise<Contents> {
  const driver = await pgliteDriver(folder)
  try {
    const contents: Record<string, readonly string[]> = {}
    for (const { name } of plannedSqlTables(crimes)) {
      const rows = await driver.query(`SELECT row_to_json(t)::text AS row FROM "${name}" t`)
      contents[`sql ${name}`] = linesOf(rows.map(({ row }) => without(JSON.parse(row!), ['revision', 'is_final'])))
    }
    return contents
  } finally {
    await driver.close()
  }
}

/** The expected results of a month of 2018, whose times are those of Chicago without a zone, five hours behind UTC. */
function checkExpected(contents: Contents, inputs: readonly string[]): void {
  const month = /2018-0[67]/.exec(basename(inputs[0]!))?.[0]
  if (inputs.length !== 1 || month === undefined || !existsSync(expected)) return
  for (const table of ['crime_per_district_day', 'crimes_anomaly']) {
    const [header, ...lines] = readFileSync(new URL(`${month}_${table}.csv`, expected), 'utf8').trim().split(/\r?\n/)
    const columns = header!.split(',')
    const wanted = lines.map((line) => normal(Object.fromEntries(line.split(',').map((cell, i) => [columns[i]!, cell]))))
    const found = contents[`gold.${table}`]!.map((line) => normal(Object.fromEntries(JSON.parse(line))))
    const differ = differences({ [table]: linesOf(found) }, { [table]: linesOf(wanted) })
    if (differ.length > 0) throw new Error(`${table} isn't what is expected of ${month}:\n${differ.join('\n')}`)
  }
}

function normal(row: TableRow): TableRow {
  const time = (value: unknown) => (typeof value === 'string' ? Date.parse(`${value}Z`) + 5 * HOUR : value)
  const cells = Object.entries(row).map(([name, value]) => [
    name,
    name.startsWith('window') ? time(value) : name === 'primary_type' ? value : Number(value),
  ])
  return Object.fromEntries(cells)
}

/** The same seed, the same moments. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
