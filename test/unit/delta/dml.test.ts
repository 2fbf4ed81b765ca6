import { describe, expect, it } from 'vitest'
import { DeltaTable } from '#delta/table.ts'
import { readParquetRows } from '#parquet/reader.ts'
import { bytesSource } from '#parquet/source.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { encodeRows, encodeZ85 } from '../../support/roaring.ts'
import { foreignCommit, TABLE, textAt, versionName } from './fixtures.ts'
import { type Item, item, items, itemsTable, rowsIn } from './table-support.ts'

/** Rows 0–9, 10–19 and 20–29, a file each. */
async function threeFiles(options: Parameters<typeof itemsTable>[0] = {}) {
  const made = await itemsTable(options)
  for (const from of [0, 10, 20]) await made.table.append(items(from, from + 10))
  return made
}

const pathsOf = async (table: DeltaTable): Promise<readonly string[]> =>
  (await table.snapshot()).files.map(({ path }) => path)

const without = (...ids: readonly number[]): readonly Item[] => items(0, 30).filter(({ id }) => !ids.includes(id))

async function actionsOf(made: Awaited<ReturnType<typeof itemsTable>>, version: number) {
  const text = await textAt(made.memory, `${TABLE}/_delta_log/${versionName(version)}.json`)
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe('delete', () => {
  it('writes the files anew that hold such rows, and no others', async () => {
    const made = await threeFiles()
    const before = await pathsOf(made.table)
    expect(await made.table.delete({ id: { in: [3, 14] } })).toEqual({
      version: 4,
      committed: true,
      metrics: { numRemovedFiles: 2, numAddedFiles: 1, numDeletedRows: 2, numCopiedRows: 18, numAddedChangeFiles: 0 },
    })
    expect(await rowsIn(made.table)).toEqual(without(3, 14))
    expect(await pathsOf(made.table)).toContain(before[2])
    const [{ commitInfo }, ...actions] = await actionsOf(made, 4)
    expect(commitInfo).toMatchObject({
      operation: 'DELETE',
      operationParameters: { predicate: '{"id":{"in":[3,14]}}' },
      isBlindAppend: false,
      operationMetrics: { numDeletedRows: '2' },
    })
    expect(actions.map((action) => Object.keys(action)[0])).toEqual(['remove', 'remove', 'add'])
    expect(actions[0].remove).toMatchObject({
      path: before[0],
      dataChange: true,
      extendedFileMetadata: true,
      partitionValues: {},
      size: expect.any(Number),
    })
  })

  it('removes files that match whole without reading them', async () => {
    const made = await threeFiles()
    const store = new CountingStore(made.memory)
    const table = await DeltaTable.open(made.deps(store, 'counted'), TABLE)
    store.take()
    expect(await table.delete({ id: { lt: 20 } })).toMatchObject({ metrics: { numDeletedRows: 20, numAddedFiles: 0 } })
    expect(store.take().filter((request) => request.includes('part-'))).toEqual([])
    expect(await rowsIn(table)).toEqual(items(20, 30))
  })

  it('commits nothing when no row matches, and leaves rows for which it is unknown', async () => {
    const { table } = await itemsTable()
    await table.append([item(1, { district: null }), item(2, { district: 'a' })])
    expect(await table.delete({ id: 5 })).toEqual({ version: 1, committed: false, metrics: {} })
    expect(await table.delete({ district: { ne: 'a' } })).toMatchObject({ committed: false })
    expect(await table.delete({ district: { isNull: true } })).toMatchObject({ version: 2 })
    expect(await rowsIn(table)).toEqual([item(2, { district: 'a' })])
  })

  it('of partitions reads no file', async () => {
    const made = await threeFiles({ partitionBy: ['district'] })
    expect(await made.table.delete({ district: '01' })).toMatchObject({
      metrics: { numAddedFiles: 0, numDeletedRows: 10 },
    })
    expect(await rowsIn(made.table)).toEqual(items(0, 30).filter(({ district }) => district !== '01'))
  })

  it('with a transaction is done once', async () => {
    const { table } = await threeFiles()
    const txn = { appId: 'cleaner', version: 1 }
    expect(await table.delete({ id: 1 }, { txn })).toMatchObject({ committed: true })
    expect(await table.delete({ id: 2 }, { txn })).toMatchObject({ committed: false })
    expect(await rowsIn(table)).toEqual(without(1))
  })
})

describe('update', () => {
  it('sets values, or what a function makes of the row', async () => {
    const { table } = await threeFiles()
    const next = (row: Readonly<Record<string, unknown>>): number => (row['revision'] as number) + 1
    expect(await table.update({ id: { gte: 8, lt: 12 } }, { revision: next, district: null })).toMatchObject({
      metrics: { numUpdatedRows: 4, numCopiedRows: 16, numRemovedFiles: 2 },
    })
    const changed = (row: Item): Item => (row.id >= 8 && row.id < 12 ? { ...row, revision: 2, district: null } : row)
    expect(await rowsIn(table)).toEqual(items(0, 30).map(changed))
  })

  it('moves rows to other partitions', async () => {
    const { table } = await threeFiles({ partitionBy: ['district'] })
    await table.update({ id: 3 }, { district: 'new' })
    expect((await table.snapshot()).files.map(({ partitionValues }) => partitionValues['district'])).toContain('new')
    expect((await rowsIn(table))[3]).toEqual(item(3, { district: 'new' }))
  })

  it.each([
    [{ id: null }, 'id: expected long, found null'],
    [{ amount: 'much' }, 'amount: expected a number, found "much"'],
    [{ nowhere: 1 }, 'to set, found nowhere. It has id, district, amount, revision.'],
    [{}, 'to set, found none.'],
  ])('to %j is refused', async (set, message) => {
    const { table } = await threeFiles()
    await expect(table.update({ id: 3 }, set)).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: expect.stringContaining(message),
    })
  })
})

describe('overwrite', () => {
  it('puts rows in the place of all rows', async () => {
    const { table } = await threeFiles()
    expect(await table.overwrite(items(40, 42))).toMatchObject({
      version: 4,
      metrics: { numOutputRows: 2, numDeletedRows: 30, numRemovedFiles: 3 },
    })
    expect(await rowsIn(table)).toEqual(items(40, 42))
    expect(await rowsIn(table, 3)).toEqual(items(0, 30))
  })

  it('makes the new rows of those that are there, and again when others were faster', async () => {
    const made = await threeFiles()
    let calls = 0
    const result = await made.table.overwrite(
      async function* (there) {
        if (calls++ === 0)
          await (await DeltaTable.open(made.deps(made.memory, 'other'), TABLE)).delete({ id: { lt: 10 } })
        for await (const run of there) yield run.map((row) => ({ ...row, amount: 0 }))
        yield [item(50)]
      },
      { txn: { appId: 'app', version: 7 } },
    )
    expect([calls, result.version, result.committed]).toEqual([2, 5, true])
    expect(await rowsIn(made.table)).toEqual([...items(10, 30).map((row) => ({ ...row, amount: 0 })), item(50)])
    const again = await made.table.overwrite(() => [], { txn: { appId: 'app', version: 7 } })
    expect(again.committed).toBe(false)
  })

  it('by a predicate replaces those rows only', async () => {
    const { table } = await threeFiles()
    await table.overwrite([item(5, { amount: 0 }), item(6, { amount: 0 })], { where: { id: { gte: 5, lt: 15 } } })
    expect(await rowsIn(table)).toEqual([
      ...items(0, 5),
      item(5, { amount: 0 }),
      item(6, { amount: 0 }),
      ...items(15, 30),
    ])
    expect((await table.history(1))[0]?.parameters).toEqual({
      mode: 'Overwrite',
      partitionBy: '[]',
      predicate: '{"id":{"gte":5,"lt":15}}',
    })
  })

  it('by a predicate refuses rows outside of it', async () => {
    const { table } = await threeFiles()
    await expect(table.overwrite([item(7), item(20)], { where: { id: { lt: 10 } } })).rejects.toMatchObject({
      code: 'DELTA_ROWS_REFUSED',
      message: `Expected rows for which the predicate of the overwrite holds, found another one at row 1 of those for ${TABLE}. Nothing was committed: leave it out, or widen the predicate.`,
    })
    expect(await rowsIn(table)).toEqual(items(0, 30))
  })
})

describe('merge', () => {
  const on = ['id']

  it('puts rows in the place of those with their key and adds the others', async () => {
    const { table } = await threeFiles()
    const before = await pathsOf(table)
    expect(await table.merge([item(12, { amount: -1 }), item(50)], { on })).toMatchObject({
      version: 4,
      metrics: {
        numSourceRows: 2,
        numTargetRowsInserted: 1,
        numTargetRowsUpdated: 1,
        numTargetRowsCopied: 9,
        numTargetFilesRemoved: 1,
      },
    })
    const after = await pathsOf(table)
    expect([after.includes(before[0]!), after.includes(before[1]!), after.includes(before[2]!)]).toEqual([
      true,
      false,
      true,
    ])
    expect(await rowsIn(table)).toEqual([
      ...items(0, 30).map((row) => (row.id === 12 ? { ...row, amount: -1 } : row)),
      item(50),
    ])
    expect((await table.history(1))[0]).toMatchObject({
      operation: 'MERGE',
      parameters: { predicate: 'target.id <=> source.id', when: 'upsert' },
    })
  })

  it('writes rows that will change again into files of their own', async () => {
    const { table } = await itemsTable()
    const apart = (row: object) => (row as Item).amount === -1
    await table.merge([item(1, { amount: -1 }), item(2), item(3, { amount: -1 })], { on, apart })
    const [first, second] = await pathsOf(table)
    await table.merge([item(1), item(3, { revision: 4, amount: -1 })], { on, apart })
    const after = await pathsOf(table)
    expect([after.length, after.includes(first!), after.includes(second!)]).toEqual([3, true, false])
    expect(await rowsIn(table)).toEqual([item(1), item(2), item(3, { revision: 4, amount: -1 })])
  })

  it('reads only files whose statistics can hold a key', async () => {
    const made = await threeFiles()
    const store = new CountingStore(made.memory)
    const table = await DeltaTable.open(made.deps(store, 'counted'), TABLE)
    store.take()
    await table.merge([item(100), item(9, { revision: 9 }), item(-1)], { on })
    const read = store.take().filter((request) => request.startsWith('get') && request.includes('part-'))
    expect(new Set(read).size).toBe(1)
  })

  it.each([
    ['upsert', [10, 20, 30, 40]],
    ['newerRevision', [1, 20, 30, 40]],
    ['insertOnly', [1, 2, null, 40]],
    ['updateOnly', [10, 20, 30]],
    ['delete', []],
  ] as const)('%s of older, newer, first and new revisions leaves amounts %j', async (when, amounts) => {
    const { table } = await itemsTable()
    const row = (id: number, revision: number | null, amount: number | null): Item => item(id, { revision, amount })
    await table.append([row(1, 5, 1), row(2, 5, 2), row(3, null, null)])
    await table.merge([row(1, 5, 10), row(2, 6, 20), row(3, 0, 30), row(4, 1, 40)], { on, when })
    expect((await rowsIn(table)).map(({ amount }) => amount)).toEqual(amounts)
  })

  it('by clauses keeps, changes, deletes and adds as they say', async () => {
    const { table } = await threeFiles()
    await table.merge([{ id: 1 }, { id: 2, amount: 7 }, { id: 90, amount: 9 }, { id: 91 }], {
      on,
      when: {
        matched: (row, source) => (source['amount'] === undefined ? 'delete' : { ...row, amount: source['amount'] }),
        notMatched: (source) => (source['amount'] === undefined ? 'ignore' : { ...item(90), ...source }),
        notMatchedBySource: (row) => ((row['id'] as number) >= 20 ? 'delete' : 'keep'),
      },
    })
    expect(await rowsIn(table)).toEqual([item(0), item(2, { amount: 7 }), ...items(3, 20), item(90, { amount: 9 })])
  })

  it('takes keys of several columns, and nulls as equal', async () => {
    const { table } = await itemsTable()
    await table.append([item(1, { district: null }), item(1, { district: 'a' }), item(2, { district: 'a' })])
    const keys = { on: ['district', 'id'] }
    await table.merge([item(1, { district: null, amount: -1 }), item(2, { district: 'b' })], keys)
    expect((await rowsIn(table)).map(({ id, district, amount }) => [id, district, amount])).toEqual([
      [1, 'a', 0.5],
      [1, null, -1],
      [2, 'a', 1],
      [2, 'b', 1],
    ])
  })

  it('of the same rows again changes nothing by newerRevision, and commits nothing', async () => {
    const { table } = await threeFiles()
    const rows = [item(3, { revision: 2 }), item(70)]
    expect(await table.merge(rows, { on, when: 'newerRevision' })).toMatchObject({ version: 4 })
    expect(await table.merge(rows, { on, when: 'newerRevision' })).toEqual({
      version: 4,
      committed: false,
      metrics: {},
    })
  })

  it.each([
    [[item(1), item(1)], { on }, 'at most one row for each (id), found two for (1)'],
    [[item(1)], { on: [] }, 'at least one column to merge on, found none'],
    [[item(1)], { on, when: 'newerRevision', revision: 'nowhere' }, 'no column "nowhere"'],
    [[item(1)], { on: ['nowhere'] }, 'no column "nowhere"'],
    [[{ id: 90, revision: 1, x: 1 }], { on }, 'x: the table has no such column'],
  ] as const)('of %j by %j is refused', async (rows, options, message) => {
    const { table } = await threeFiles()
    await expect(table.merge(rows, options)).rejects.toMatchObject({
      code:
        message.includes('row for each') || message.includes('at least')
          ? 'DELTA_MERGE_INVALID'
          : 'DELTA_SCHEMA_MISMATCH',
      message: expect.stringContaining(message),
    })
    expect((await table.snapshot()).version).toBe(3)
  })
})

describe('a table with delta.appendOnly', () => {
  it('takes rows and gives none away', async () => {
    const { table } = await itemsTable({ properties: { 'delta.appendOnly': 'true' } })
    await table.append(items(0, 3))
    await table.merge([item(5)], { on: ['id'] })
    const refused = { code: 'DELTA_APPEND_ONLY' }
    await expect(table.delete({ id: 1 })).rejects.toMatchObject({
      ...refused,
      message: `Can't DELETE on ${TABLE}: its property delta.appendOnly keeps every row. Append instead, or unset the property.`,
    })
    await expect(table.update({ id: 1 }, { amount: 1 })).rejects.toMatchObject(refused)
    await expect(table.overwrite([])).rejects.toMatchObject(refused)
    await expect(table.merge([item(1)], { on: ['id'] })).rejects.toMatchObject(refused)
    expect((await rowsIn(table)).map(({ id }) => id)).toEqual([0, 1, 2, 5])
  })
})

describe('a table that feeds changes', () => {
  const feeding = { properties: { 'delta.enableChangeDataFeed': 'true' } }

  async function changesAt(made: Awaited<ReturnType<typeof itemsTable>>, version: number) {
    const changes: string[] = []
    for (const { cdc } of await actionsOf(made, version)) {
      if (cdc === undefined) continue
      expect(cdc).toMatchObject({
        dataChange: false,
        partitionValues: {},
        path: expect.stringMatching(/^_change_data\//),
      })
      const bytes = await made.memory.get(`${TABLE}/${cdc.path}`)
      expect(cdc.size).toBe(bytes.length)
      for await (const rows of readParquetRows(bytesSource(bytes))) {
        changes.push(...rows.map((row) => `${row['_change_type']} ${row['id']} ${row['amount']}`))
      }
    }
    return changes
  }

  it('tells every row that a rewritten file changed', async () => {
    const made = await threeFiles(feeding)
    await made.table.delete({ or: [{ id: { lt: 10 } }, { id: 15 }] })
    expect(await changesAt(made, 4)).toEqual([
      ...items(0, 10).map(({ id, amount }) => `delete ${id} ${amount}`),
      'delete 15 7.5',
    ])
    await made.table.update({ id: 16 }, { amount: 0 })
    expect(await changesAt(made, 5)).toEqual(['update_preimage 16 8', 'update_postimage 16 0'])
    await made.table.merge([item(17, { amount: 1 }), item(80)], { on: ['id'] })
    expect(await changesAt(made, 6)).toEqual(['update_preimage 17 8.5', 'update_postimage 17 1', 'insert 80 40'])
    await made.table.append([item(90)])
    await made.table.merge([item(91)], { on: ['id'] })
    expect([...(await changesAt(made, 7)), ...(await changesAt(made, 8))]).toEqual([])
    expect((await rowsIn(made.table)).map(({ id }) => id)).toEqual([
      ...items(10, 30).flatMap(({ id }) => (id === 15 ? [] : [id])),
      ...[80, 90, 91],
    ])
  })
})

describe('rows behind a deletion vector', () => {
  it('do not come back when their file is written anew, and the remove names the vector', async () => {
    const made = await itemsTable()
    await made.table.append(items(0, 3))
    const [add] = (await made.table.snapshot()).files
    const features = { readerFeatures: ['deletionVectors'], writerFeatures: ['deletionVectors'] }
    const bitmap = encodeRows([1])
    const vector = { storageType: 'i', pathOrInlineDv: encodeZ85(bitmap), sizeInBytes: bitmap.length }
    const deletionVector = { ...vector, cardinality: 1 }
    await foreignCommit(made.memory, 2, [
      { protocol: { minReaderVersion: 3, minWriterVersion: 7, ...features } },
      { remove: { path: add!.path, dataChange: true, size: add!.size } },
      { add: { ...add, deletionVector } },
    ])
    expect(await rowsIn(made.table)).toEqual([item(0), item(2)])
    expect(await made.table.delete({ id: 0 })).toMatchObject({ metrics: { numDeletedRows: 1, numCopiedRows: 1 } })
    expect(await rowsIn(made.table)).toEqual([item(2)])
    const removed = (await actionsOf(made, 3)).find(({ remove }) => remove !== undefined)
    expect(removed.remove).toMatchObject({ path: add!.path, deletionVector })
    expect((await made.table.snapshot()).files).toHaveLength(1)
  })
})
