import { describe, expect, it } from 'vitest'
import { DeltaTable } from '#delta/table.ts'
import { FaultyStore } from '../../support/faulty-store.ts'
import { encodeRows, encodeZ85 } from '../../support/roaring.ts'
import { foreignCommit, pathsOf, TABLE, textAt, versionName } from './fixtures.ts'
import { type Item, item, items, itemsTable, rowsIn } from './table-support.ts'

/** Ten rows a file. */
async function filesOf(count: number, options: Parameters<typeof itemsTable>[0] = {}) {
  const made = await itemsTable(options)
  for (let at = 0; at < count; at++) await made.table.append(items(at * 10, at * 10 + 10))
  return made
}

const filesIn = async (table: DeltaTable) => (await table.snapshot()).files
const dataFiles = async (made: Awaited<ReturnType<typeof itemsTable>>): Promise<readonly string[]> =>
  (await pathsOf(made.memory, `${TABLE}/`)).filter(
    (path) => path.endsWith('.parquet') && !path.startsWith('_delta_log'),
  )

describe('optimize', () => {
  it('writes small files together, without a change of data', async () => {
    const made = await filesOf(5)
    const before = await filesIn(made.table)
    expect(await made.table.optimize()).toMatchObject({
      version: 6,
      committed: true,
      metrics: { numRemovedFiles: 5, numAddedFiles: 1 },
    })
    expect(await filesIn(made.table)).toHaveLength(1)
    expect(await rowsIn(made.table)).toEqual(items(0, 50))
    const lines = (await textAt(made.memory, `${TABLE}/_delta_log/${versionName(6)}.json`)).trim().split('\n')
    const [{ commitInfo }, ...actions] = lines.map((line) => JSON.parse(line))
    expect(commitInfo).toMatchObject({
      operation: 'OPTIMIZE',
      isolationLevel: 'SnapshotIsolation',
      isBlindAppend: false,
      operationParameters: { predicate: '[]', clusterBy: '[]', targetSize: '128000000' },
    })
    expect(actions.map(({ add, remove }) => (add ?? remove).dataChange)).toEqual(Array(6).fill(false))
    expect(actions.flatMap(({ remove }) => (remove === undefined ? [] : [remove.path]))).toEqual(
      before.map(({ path }) => path),
    )
  })

  it('again finds nothing to do', async () => {
    const { table } = await filesOf(3)
    await table.optimize()
    expect(await table.optimize()).toEqual({ version: 4, committed: false, metrics: {} })
  })

  it('keeps to partitions, to the target and to a predicate', async () => {
    const { table } = await filesOf(4, { partitionBy: ['district'] })
    const { size } = (await filesIn(table))[0]!
    expect(await table.optimize({ where: { district: '01' } })).toMatchObject({
      metrics: { numRemovedFiles: 4, numAddedFiles: 1 },
    })
    expect(await filesIn(table)).toHaveLength(9)
    await table.optimize({ targetBytes: size * 2.5 })
    expect((await filesIn(table)).map(({ partitionValues }) => partitionValues['district']).sort()).toEqual([
      '00',
      '00',
      '01',
      '02',
      '02',
    ])
    expect(await rowsIn(table)).toEqual(items(0, 40))
  })

  it('sorts rows so that files hold ranges of them, once', async () => {
    const { table } = await itemsTable()
    for (const part of [0, 1, 2]) await table.append(items(0, 90).filter(({ id }) => id % 3 === part))
    const { size } = (await filesIn(table))[0]!
    await table.optimize({ clusterBy: ['amount', 'id'], targetBytes: size })
    const [file] = await filesIn(table)
    expect(file!.tags).toEqual({ 'sluice.sortedBy': 'amount,id' })
    const rows: unknown[] = []
    for await (const run of (await table.snapshot()).rows()) rows.push(...run)
    expect(rows).toEqual(items(0, 90))
    expect(await table.optimize({ clusterBy: ['amount', 'id'], targetBytes: size })).toMatchObject({ committed: false })
    await table.append([item(500), item(-1, { amount: null })])
    expect(await table.optimize({ clusterBy: ['amount', 'id'] })).toMatchObject({ committed: true })
    const sorted: Item[] = []
    for await (const run of (await table.snapshot()).rows()) sorted.push(...(run as unknown as Item[]))
    expect(sorted.map(({ id }) => id)).toEqual([-1, ...items(0, 90).map(({ id }) => id), 500])
  })

  it('writes a file anew whose rows are mostly deleted', async () => {
    const { table, memory } = await filesOf(1)
    const [add] = await filesIn(table)
    const bitmap = encodeRows([0, 1, 2])
    const vector = { storageType: 'i', pathOrInlineDv: encodeZ85(bitmap), sizeInBytes: bitmap.length, cardinality: 3 }
    const features = { readerFeatures: ['deletionVectors'], writerFeatures: ['deletionVectors'] }
    await foreignCommit(memory, 2, [
      { protocol: { minReaderVersion: 3, minWriterVersion: 7, ...features } },
      { remove: { path: add!.path, dataChange: true, size: add!.size } },
      { add: { ...add, deletionVector: vector } },
    ])
    expect(await table.optimize()).toMatchObject({ version: 3, metrics: { numRemovedFiles: 1, numAddedFiles: 1 } })
    expect(await rowsIn(table)).toEqual(items(3, 10))
    expect((await filesIn(table))[0]!.deletionVector).toBeUndefined()
  })

  it('by a column that is none is refused', async () => {
    const { table } = await filesOf(1)
    await expect(table.optimize({ clusterBy: ['nowhere'] })).rejects.toMatchObject({ code: 'DELTA_SCHEMA_MISMATCH' })
  })
})

// version 1–4: a file each, in bins of two; ours meets at version 5 what somebody else did
describe('an optimize that was overtaken', () => {
  async function overtaken(theirs: (other: DeltaTable) => Promise<unknown>) {
    const made = await filesOf(4)
    const { size } = (await filesIn(made.table))[0]!
    const store = new FaultyStore(made.memory)
    const table = await DeltaTable.open(made.deps(store, 'ours'), TABLE)
    store.plan('create', /05\.json$/, async () => void (await theirs(await made.other())))
    const result = await table.optimize({ targetBytes: size * 2.5 })
    expect(store.left).toBe(0)
    return { made, result, table }
  }

  it('by appends goes through as it is', async () => {
    const { made, result } = await overtaken((other) => other.append(items(40, 50)))
    expect(result).toMatchObject({ version: 6, metrics: { numRemovedFiles: 4, numAddedFiles: 2 } })
    expect(await rowsIn(made.table)).toEqual(items(0, 50))
  })

  it('by a delete commits the bins that nobody touched, and plans the other anew', async () => {
    const { made, result, table } = await overtaken((other) => other.delete({ id: 5 }))
    expect(result.metrics).toMatchObject({ numRemovedFiles: 4, numAddedFiles: 2 })
    expect(await rowsIn(made.table)).toEqual(items(0, 40).filter(({ id }) => id !== 5))
    expect((await table.history()).slice(0, 3).map(({ operation, filesAdded }) => [operation, filesAdded])).toEqual([
      ['OPTIMIZE', 1],
      ['OPTIMIZE', 1],
      ['DELETE', 1],
    ])
    const active = new Set((await filesIn(made.table)).map(({ path }) => path))
    const tombstones = 4 + 1
    expect((await dataFiles(made)).filter((path) => !active.has(path))).toHaveLength(tombstones)
  })

  it('by another optimize has nothing left to do', async () => {
    const { made, result } = await overtaken((other) => other.optimize())
    expect(result).toMatchObject({ committed: false })
    expect(await rowsIn(made.table)).toEqual(items(0, 40))
    expect(await filesIn(made.table)).toHaveLength(1)
  })

  it('by new columns plans everything anew', async () => {
    const { made, result } = await overtaken((other) =>
      other.evolve([{ name: 'note', column: { kind: 'string', nullable: true } }]),
    )
    expect(result).toMatchObject({ version: 6, metrics: { numRemovedFiles: 4 } })
    expect((await rowsIn(made.table))[0]).toEqual({ ...item(0), note: null })
  })
})
