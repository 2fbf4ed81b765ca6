import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { DeltaTable } from '#delta/table.ts'
import { BRONZE_FIELDS } from '#plan/plan.ts'
import { bronzeRecords } from '#runtime/bronze.ts'
import type { RecordHeader } from '#schema/column.ts'
import type { RecordBatch } from '#schema/record-batch.ts'

interface Kept {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly RecordHeader[] | null
}

const kept = (partition: number, offset: number, more: Partial<Kept> = {}): Kept => ({
  partition,
  offset,
  key: `key ${offset}`,
  value: `value ${partition}/${offset}`,
  headers: null,
  ...more,
})

const bytes = (text: string | null): Uint8Array | null => (text === null ? null : new TextEncoder().encode(text))

const rowOf = ({ partition, offset, key, value, headers }: Kept) => ({
  topic: 'visits',
  partition,
  offset,
  append_time: 1_000 + offset,
  key: bytes(key),
  value: bytes(value),
  headers: headers?.map((header) => ({ ...header })) ?? null,
  ingest_time: 5_000,
})

let ids = 0

/** A bronze table that got each of these runs in a commit of its own. */
async function bronzeOf(commits: readonly (readonly Kept[])[]): Promise<DeltaTable> {
  const deps = {
    store: new MemoryObjectStore({ now: () => 0 }),
    clock: { now: () => 0, sleep: async () => {} },
    ids: { next: () => String(++ids) },
  }
  const table = await DeltaTable.create(deps, 'bronze/visits', { fields: BRONZE_FIELDS, name: 'bronze.visits' })
  for (const commit of commits) await table.append(commit.map(rowOf))
  return table
}

function textAt(batch: RecordBatch, starts: Int32Array, ends: Int32Array, record: number): string | null {
  if (starts[record]! < 0) return null
  return new TextDecoder().decode(batch.buffer.subarray(starts[record], ends[record]))
}

function keptIn(batch: RecordBatch): readonly Kept[] {
  return Array.from({ length: batch.count }, (_, record) => ({
    partition: batch.partition,
    offset: batch.offsets[record]!,
    key: textAt(batch, batch.keyStarts, batch.keyEnds, record),
    value: textAt(batch, batch.valueStarts, batch.valueEnds, record),
    headers: batch.headers?.[record] ?? null,
  }))
}

async function read(table: DeltaTable, partition: number, above = -1): Promise<readonly Kept[]> {
  const bronze = await bronzeRecords(await table.snapshot(), 'visits')
  const records: Kept[] = []
  for await (const batch of bronze.read(partition, above)) {
    expect(batch.topic).toBe('visits')
    for (let i = 0; i < batch.count; i++) expect(batch.timestamps[i]).toBe(1_000 + batch.offsets[i]!)
    records.push(...keptIn(batch))
  }
  return records
}

describe('The records of a bronze table', () => {
  it('come as the topic had them: keys, tombstones and headers', async () => {
    const headers = [
      { name: 'trace', value: bytes('a') },
      { name: 'empty', value: null },
    ]
    const records = [
      kept(0, 0, { key: null }),
      kept(0, 1, { value: null }),
      kept(0, 2, { headers }),
      kept(0, 3, { value: '', key: '' }),
    ]
    expect(await read(await bronzeOf([records]), 0)).toEqual(records)
  })

  it('come in offset order, whatever order files and rows are in', async () => {
    const commits = [
      [kept(1, 4), kept(0, 2)],
      [kept(0, 0), kept(0, 1)],
      [kept(1, 3), kept(0, 7), kept(0, 5)],
    ]
    const table = await bronzeOf(commits)
    expect((await read(table, 0)).map(({ offset }) => offset)).toEqual([0, 1, 2, 5, 7])
    expect((await read(table, 1)).map(({ offset }) => offset)).toEqual([3, 4])
    expect(await read(table, 2)).toEqual([])
  })

  it('are those above an offset only, when that is asked', async () => {
    const table = await bronzeOf([[kept(0, 0), kept(0, 1)], [kept(0, 2)], [kept(0, 9)]])
    expect((await read(table, 0, 1)).map(({ offset }) => offset)).toEqual([2, 9])
    expect(await read(table, 0, 9)).toEqual([])
  })

  it('say which offset is the last one of each partition, also of files that hold several', async () => {
    const table = await bronzeOf([
      [kept(0, 0), kept(2, 8)],
      [kept(2, 3), kept(0, 5)],
    ])
    const { last } = await bronzeRecords(await table.snapshot(), 'visits')
    expect([...last]).toEqual([
      [0, 5],
      [2, 8],
    ])
  })

  it('are found without statistics too', async () => {
    const table = await bronzeOf([[kept(0, 0), kept(1, 6)], [kept(0, 3)]])
    const snapshot = await table.snapshot()
    const files = snapshot.files.map(({ stats: _, ...file }) => file)
    const bare = Object.create(snapshot, { files: { value: files } }) as typeof snapshot
    const bronze = await bronzeRecords(bare, 'visits')
    expect([...bronze.last]).toEqual([
      [0, 3],
      [1, 6],
    ])
    const offsets: number[] = []
    for await (const batch of bronze.read(0, -1)) offsets.push(...batch.offsets)
    expect(offsets).toEqual([0, 3])
  })

  it('are each there once, however they lie in files, and after an optimize', async () => {
    const layout = fc.array(fc.array(fc.nat(2), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(layout, fc.boolean(), fc.integer({ min: 1, max: 70_000 }), async (commits, optimize, gap) => {
        const next = [0, 0, 0]
        const runs = commits.map((partitions) =>
          partitions.map((partition) => {
            next[partition]! += gap
            return kept(partition, next[partition]!)
          }),
        )
        const table = await bronzeOf(runs)
        if (optimize) await table.optimize()
        for (const partition of [0, 1, 2]) {
          const wanted = runs.flat().filter((one) => one.partition === partition)
          expect(await read(table, partition)).toEqual(wanted)
        }
      }),
      { numRuns: 40 },
    )
  })
})
