/** One task in a process of its own: `tasks.ts TASK [FOLDER]`. Prints what it took. */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts'
import { HOUR } from '#core/time.ts'
import { createTables } from '#local/ports.ts'
import { crimeSimulator } from '#local/simulator.ts'
import type { Plan } from '#plan/plan.ts'
import { closeStage } from '#runtime/close.ts'
import { deliverToTables } from '#runtime/deliver.ts'
import { preparer } from '#runtime/prepare.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { windowsStage } from '#runtime/windows.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { testWorld } from '../../lib/testing/index.ts'
import crimes from '../../pipelines/crimes.ts'
import { recordsOf } from '../../test/support/json-records.ts'
import type { Measure } from '../delta/measure.ts'
import { keyPlan, nexmarkBid, nexmarkPlan, slidingPlan } from './plans.ts'

const BATCH = 10_000
const WARM = 10
const RECORDS = 600_000
const KEYS = 1_000_000
const NOW = Date.UTC(2030, 0, 1)

function batchOf(topic: string, values: readonly string[], from: number, partition = 0): RecordBatch {
  return {
    ...recordsOf(values),
    topic,
    partition,
    offsets: Float64Array.from(values, (_, i) => from + i),
    timestamps: new Float64Array(values.length).fill(NOW),
  }
}

async function world(plan: Plan, folder: string | null): Promise<Runtime> {
  const ports =
    folder === null
      ? { state: new MemoryStateStore(), store: new MemoryObjectStore() }
      : {
          state: new SqliteStateStore(join(folder, 'state.sqlite')),
          store: new DirectoryObjectStore(join(folder, 'lake')),
        }
  const { runtime } = testWorld(plan, { now: NOW }, ports)
  await createTables(runtime)
  return runtime
}

const stageOf = (runtime: Runtime) => windowsStage(runtime, preparer(runtime.plan), async () => {})

/** Seconds that the processor, and that the clock, took for some of what this process does. */
class Meter {
  cpu = 0
  wall = 0

  async time<T>(work: () => Promise<T>): Promise<T> {
    const cpu = process.cpuUsage()
    const wall = process.hrtime.bigint()
    const result = await work()
    const { user, system } = process.cpuUsage(cpu)
    this.cpu += (user + system) / 1e6
    this.wall += Number(process.hrtime.bigint() - wall) / 1e9
    return result
  }

  print(rows: number): void {
    const measure: Measure = { cpu: this.cpu, wall: this.wall, rssMb: process.resourceUsage().maxRSS / 1024, rows }
    writeSync(1, `measured:${JSON.stringify(measure)}\n`)
  }
}

/** Decode, check, fold and store: all that the windows stage does with records. Making them is not in the times. */
async function fold(plan: Plan, json: (number: number) => string, close: boolean): Promise<void> {
  const runtime = await world(plan, null)
  const stage = stageOf(runtime)
  const meter = new Meter()
  const all = RECORDS + WARM * BATCH
  for (let from = 0; from < all; from += BATCH) {
    const values = Array.from({ length: BATCH }, (_, i) => json(from + i))
    const batch = batchOf(plan.topic.name, values, from)
    // The first batches are for the compiler.
    if (from < WARM * BATCH) await stage.handle([batch])
    else await meter.time(() => stage.handle([batch]))
  }
  if (close) {
    await meter.time(() => closeStage(runtime).run({ endOffsets: async () => [all], endOfInput: true }))
  }
  meter.print(RECORDS)
}

/** State of a million groups of one window, in a folder. */
async function fillKeys(folder: string): Promise<void> {
  const runtime = await world(keyPlan, folder)
  const stage = stageOf(runtime)
  const json = (number: number): string =>
    `{"key":"key ${number}","at":${Date.UTC(2026, 0, 1) + (number % HOUR)},"value":${number % 1000}}`
  const size = 100_000
  for (let from = 0; from < KEYS; from += size) {
    const values = Array.from({ length: size }, (_, i) => json(from + i))
    await stage.handle([batchOf('keys', values, from)])
  }
  await runtime.state.close()
  new Meter().print(KEYS)
}

/** Closes that window, and brings its rows into a Delta table. */
async function closeKeys(folder: string, deliver: boolean): Promise<void> {
  const runtime = await world(keyPlan, folder)
  const meter = new Meter()
  const { rowCount } = await meter.time(async () => {
    const closed = await closeStage(runtime).run({ endOffsets: async () => [KEYS], endOfInput: true })
    if (deliver) await deliverToTables(runtime)
    return closed
  })
  if (rowCount !== KEYS) throw new Error(`expected ${KEYS} rows, found ${rowCount}`)
  meter.print(rowCount)
}

function crimeJson(): (number: number) => string {
  const simulator = crimeSimulator({ seed: 7, start: Date.UTC(2018, 5, 1, 5) })
  return (number) => simulator.json(number)
}

const START = Date.UTC(2026, 0, 1)
/** 2,000 records a second of event time, of 100 groups. */
const reading = (number: number): string =>
  `{"sensor":"sensor ${(number * 7919) % 100}","at":${START + number / 2},"value":${number % 97}}`

const folder = process.argv[3] ?? ''

const TASKS: Readonly<Record<string, () => Promise<void>>> = {
  'crimes fold': () => fold(crimes, crimeJson(), false),
  'fill 1 M keys': () => fillKeys(folder),
  'close 1 M keys': () => closeKeys(folder, false),
  'close and deliver 1 M keys': () => closeKeys(folder, true),
  'tumbling 5 min': () => fold(slidingPlan('tumbling'), reading, true),
  'sliding 5 min every 1 s': () => fold(slidingPlan('sliding'), reading, true),
  'tumbling 5 min, fold': () => fold(slidingPlan('tumbling'), reading, false),
  'sliding 5 min every 1 s, fold': () => fold(slidingPlan('sliding'), reading, false),
  ...Object.fromEntries(
    (['q5', 'q7', 'q11', 'q12'] as const).map((query) => [
      `nexmark ${query}`,
      () => fold(nexmarkPlan(query), nexmarkBid(42), true),
    ]),
  ),
}

const task = TASKS[process.argv[2] ?? '']
if (task === undefined) writeSync(2, `tasks: ${Object.keys(TASKS).join(', ')}\n`)
else await task()
