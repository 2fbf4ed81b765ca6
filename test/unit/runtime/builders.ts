import { type EpochMillis, MINUTE } from '#core/time.ts'
import { createTables } from '#local/ports.ts'
import type { StateStore } from '#ports/state-store.ts'
import type { Relieve } from '#runtime/accepted.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { preparer } from '#runtime/prepare.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { type WindowsStage, windowsStage } from '#runtime/windows.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { c, delta, kafka, pipeline, postgres, sliding, tumbling } from '../../../lib/index.ts'
import { readRun, type TestPorts, testWorld } from '../../../lib/testing/index.ts'
import { recordsOf } from '../../support/json-records.ts'

const readings = kafka.topic('readings', {
  schema: { id: c.long(), at: c.timestamp(), room: c.string(), celsius: c.double().nullable() },
  key: 'room',
  eventTime: 'at',
  outOfOrder: '10 minutes',
  partitions: 2,
})

const measured = readings.check({ measured: (row) => row.celsius !== null })

const byRoom = measured.groupBy('room')

/** One output of each kind; slices and pages of half an hour. Of the windows, `per_hour` is number 0 and `hopping` 1. */
export const rooms = pipeline('rooms', {
  bronze: readings.into(delta.table('bronze.rooms')),
  silver: measured.select('id', 'at', 'room').into(delta.table('silver.rooms')),
  latest: measured.select('id', 'room').into(postgres.table('latest', { primaryKey: ['room'] })),
  per_hour: byRoom
    .window(tumbling('1 hour', { grace: '1 hour' }))
    .aggregate((a) => ({ readings: a.count() }))
    .into(delta.table('gold.per_hour'), postgres.table('per_hour')),
  hopping: byRoom
    .window(sliding('1 hour', { every: '30 minutes', grace: '0 seconds' }))
    .aggregate((a) => ({ readings: a.count() }))
    .into(delta.table('gold.hopping')),
})

/** The instant that is so many minutes after noon. */
export const noon = (minutes = 0): EpochMillis => Date.UTC(2026, 4, 5, 12) + minutes * MINUTE

/** A record's value; its event time is so many minutes after noon. */
export function reading(id: number, minutes: number, room = 'hall', celsius: number | null = 20): string {
  return JSON.stringify({ id, at: new Date(noon(minutes)).toISOString(), room, celsius })
}

/** What the clock of `started()` shows. */
export const NOW: EpochMillis = Date.UTC(2030, 0, 1)

export interface BatchPlace {
  readonly partition?: number
  /** Offset of the first record; the others follow without gaps. */
  readonly from?: number
  readonly appendTime?: EpochMillis
}

export function batch(values: readonly (string | null)[], place: BatchPlace = {}): RecordBatch {
  const { partition = 0, from = 0, appendTime = NOW } = place
  return {
    ...recordsOf(values),
    topic: 'readings',
    partition,
    offsets: Float64Array.from(values, (_, i) => from + i),
    timestamps: new Float64Array(values.length).fill(appendTime),
  }
}

/** Readings `from` … `to` − 1 of partition 0: each has its offset as id, and is so many minutes after noon. */
export function readingsFrom(from: number, to: number): RecordBatch {
  const ids = Array.from({ length: to - from }, (_, i) => from + i)
  return batch(
    ids.map((id) => reading(id, id)),
    { from },
  )
}

/** The ports of a process, with the pipeline's tables created. */
export async function started(ports: TestPorts = {}): Promise<Runtime> {
  const { runtime } = testWorld(rooms, {}, ports)
  await createTables(runtime)
  return runtime
}

/** Another process on the same ports: it remembers nothing of the tables. Its ids are its own. */
export function anotherProcess(runtime: Runtime, name = 'other'): Runtime {
  let last = 0
  return { ...runtime, ids: { next: () => `${name}-${++last}` } }
}

/** The windows stage of a process; `relieve` commits unless told otherwise. */
export function windowsOf(runtime: Runtime, relieve?: Relieve): WindowsStage {
  return windowsStage(runtime, preparer(runtime.plan), relieve ?? (async () => void (await commitAccepted(runtime))))
}

export async function rowsIn(runtime: Runtime, table: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return (await readRun(runtime)).rows(table)
}

/** Values of a column, ascending: what is there twice is seen twice. */
export async function numbersIn(runtime: Runtime, table: string, column: string): Promise<readonly number[]> {
  return (await rowsIn(runtime, table)).map((row) => Number(row[column])).sort((a, b) => a - b)
}

export const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)

/** Does something before a `put` to a group or a LIST of it (the first, or the one after `skip`), as another process might then. */
export function meddled(
  state: StateStore,
  group: string,
  meddle: () => Promise<unknown>,
  { before = 'put', skip = 0 }: { readonly before?: 'put' | 'list'; readonly skip?: number } = {},
): StateStore {
  let left = skip + 1
  const reach = async (call: 'put' | 'list', reached: string): Promise<void> => {
    if (call === before && reached === group && --left === 0) await meddle()
  }
  return {
    get: (of, id) => state.get(of, id),
    delete: (of, id, expected) => state.delete(of, id, expected),
    close: () => state.close(),
    async list(of, range) {
      await reach('list', of)
      return state.list(of, range)
    },
    async put(item, expected) {
      await reach('put', item.group)
      return state.put(item, expected)
    },
  }
}
