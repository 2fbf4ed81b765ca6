import { describe, expect, it } from 'vitest'
import { layoutOf } from '#delta/layout.ts'
import { compilePredicate } from '#delta/predicate.ts'
import { filesMatching, type RowOptions } from '#delta/rows.ts'
import { type DeltaTable, writeDataFile } from '#delta/table.ts'
import type { ColumnBatch } from '#schema/vector.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { addOf, batchOf, createTable, foreignCommit, lake, TABLE, tableOf } from './fixtures.ts'

describe('rows', () => {
  const rowsOf = async (table: DeltaTable, options?: RowOptions) => {
    const rows: Record<string, unknown>[] = []
    for await (const run of (await table.snapshot()).rows(options)) rows.push(...run)
    return rows
  }

  const filled = async () => {
    const { deps, memory } = lake()
    const ports = deps()
    const table = await createTable(ports)
    const batches: ColumnBatch[] = [
      batchOf([
        [1, 'north'],
        [2, null],
      ]),
      batchOf([[3, 'süd 😀']]),
    ]
    for (const batch of batches) {
      const add = await writeDataFile(ports, TABLE, batch)
      const { version } = await table.appendState()
      await table.commit({ readVersion: version, adds: [add!], txns: [] })
    }
    return { table, memory, ports }
  }

  it('come back as they were written, in the order of the commits', async () => {
    const { table } = await filled()
    expect(await rowsOf(table)).toEqual([
      { id: 1, district: 'north' },
      { id: 2, district: null },
      { id: 3, district: 'süd 😀' },
    ])
  })

  it('may be limited in columns and in number', async () => {
    const { table, memory } = await filled()
    expect(await rowsOf(table, { columns: ['district'], limit: 2 })).toEqual([
      { district: 'north' },
      { district: null },
    ])
    expect(await rowsOf(table, { limit: 0 })).toEqual([])
    // The second file is not even opened.
    await memory.delete(`${TABLE}/${(await table.snapshot()).files[1]!.path}`)
    expect(await rowsOf(table, { limit: 2 })).toHaveLength(2)
  })

  it('may be filtered, and files without such rows are not opened', async () => {
    const { table, memory } = await filled()
    expect(await rowsOf(table, { where: { district: 'north' }, columns: ['id'] })).toEqual([{ id: 1 }])
    expect(await rowsOf(table, { where: { id: { gte: 2 } }, limit: 1 })).toEqual([{ id: 2, district: null }])
    const { files, metadata } = await table.snapshot()
    const predicate = compilePredicate({ id: { lt: 3 } }, layoutOf(metadata), TABLE)
    expect(filesMatching(files, predicate)).toEqual([files[0]])
    await memory.delete(`${TABLE}/${files[1]!.path}`)
    expect(await rowsOf(table, { where: { id: { lt: 3 } } })).toHaveLength(2)
  })

  it('of an unknown column are DELTA_SCHEMA_MISMATCH', async () => {
    const { table } = await filled()
    await expect(rowsOf(table, { columns: ['distrct'] })).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: `The Delta table ${TABLE} has no column "distrct". It has: id, district.`,
    })
  })

  it('of a file that is gone are DELTA_FILE_MISSING', async () => {
    const { table, memory } = await filled()
    const path = `${TABLE}/${(await table.snapshot()).files[1]!.path}`
    await memory.delete(path)
    await expect(rowsOf(table)).rejects.toMatchObject({
      code: 'DELTA_FILE_MISSING',
      message: `Version 2 of ${TABLE} needs the data file ${path}, which is gone. If it was vacuumed, read a later version; else restore it from a copy.`,
    })
  })

  it('of a file that is shorter than the log says are DELTA_FILE_DAMAGED', async () => {
    const { table, memory } = await filled()
    const { path, size } = (await table.snapshot()).files[1]!
    const file = `${TABLE}/${path}`
    await memory.put(file, (await memory.get(file)).subarray(0, size - 1))
    await expect(rowsOf(table)).rejects.toMatchObject({
      code: 'DELTA_FILE_DAMAGED',
      message: `Expected the data file ${file} of ${TABLE} to have ${size} bytes, found ${size - 1}: it was cut off, or overwritten. Restore it from a copy.`,
    })
  })

  it('of a file that is cut off are DELTA_FILE_DAMAGED too where only some columns are fetched', async () => {
    const { table, memory } = await filled()
    const { path, size } = (await table.snapshot()).files[1]!
    const file = `${TABLE}/${path}`
    await memory.put(file, (await memory.get(file)).subarray(0, 10))
    await expect(rowsOf(table, { columns: ['id'] })).rejects.toMatchObject({
      code: 'DELTA_FILE_DAMAGED',
      details: { path: file, expected: size, found: 10 },
    })
  })

  it('are null in columns that came after their file', async () => {
    const { table, memory } = await filled()
    const { metadata } = await table.appendState()
    const schema = JSON.parse(metadata.schemaString)
    schema.fields.push({ name: 'late', type: 'string', nullable: true, metadata: {} })
    await foreignCommit(memory, 3, [{ metaData: { ...metadata, schemaString: JSON.stringify(schema) } }])
    expect((await rowsOf(table))[0]).toEqual({ id: 1, district: 'north', late: null })
  })

  it('have the partition values of their file, by type', async () => {
    const { table, memory, ports } = await filled()
    const { metadata } = await table.appendState()
    const partitions = [
      ['day', 'date', '2024-03-01', 19_783],
      ['at', 'timestamp', '2024-03-01 10:00:00.123456', Date.UTC(2024, 2, 1, 10, 0, 0, 123) + 0.456],
      ['zoned', 'timestamp', '2024-03-01T10:00:00.5+02:00', Date.UTC(2024, 2, 1, 8, 0, 0, 500)],
      ['n', 'integer', '-7', -7],
      ['ok', 'boolean', 'true', true],
      ['city', 'string', 'São Paulo', 'São Paulo'],
      ['none', 'string', '', null],
      ['nil', 'long', null, null],
    ] as const
    const schema = JSON.parse(metadata.schemaString)
    for (const [name, type] of partitions) schema.fields.push({ name, type, nullable: true, metadata: {} })
    const add = await writeDataFile(ports, TABLE, batchOf([[9, 'x']]))
    const partitionColumns = partitions.map(([name]) => name)
    await foreignCommit(memory, 3, [
      { metaData: { ...metadata, schemaString: JSON.stringify(schema), partitionColumns } },
      ...(await table.snapshot()).files.map(({ path }) => ({ remove: { path, dataChange: true } })),
      { add: { ...add, partitionValues: Object.fromEntries(partitions.map(([name, , text]) => [name, text])) } },
    ])
    const values = Object.fromEntries(partitions.map(([name, , , value]) => [name, value]))
    expect(await rowsOf(table)).toEqual([{ id: 9, district: 'x', ...values }])
    expect(await rowsOf(table, { columns: ['n', 'id'] })).toEqual([{ n: -7, id: 9 }])
    expect(await rowsOf(table, { columns: ['city'] })).toEqual([{ city: 'São Paulo' }])
  })

  it('of files larger than a few megabytes are fetched by range', async () => {
    const { deps, memory } = lake()
    const counting = new CountingStore(memory)
    const ports = deps(counting)
    const table = await createTable(ports)
    const count = 60_000
    // Text that does not compress well.
    let seed = 1
    const word = (): string => {
      let text = ''
      while (text.length < 100) {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
        text += seed.toString(36)
      }
      return text
    }
    const add = await writeDataFile(
      ports,
      TABLE,
      batchOf(Array.from({ length: count }, (_, id) => [id, word()] as const)),
    )
    expect(add!.size).toBeGreaterThan(4_000_000)
    await table.commit({ readVersion: 0, adds: [add!], txns: [] })
    const rows = await rowsOf(table, { columns: ['id'] })
    expect(rows).toHaveLength(count)
    expect(rows.at(-1)).toEqual({ id: count - 1 })
    // One that is longer than the log says has its footer where nobody looks for it.
    const path = `${TABLE}/${add!.path}`
    const bytes = await memory.get(path)
    await memory.put(path, Uint8Array.from([...bytes.subarray(0, 4_100_000), ...bytes]))
    await expect(rowsOf(table, { columns: ['id'] })).rejects.toMatchObject({
      code: 'DELTA_FILE_DAMAGED',
      message: `Expected the data file ${path} of ${TABLE} to have ${bytes.length} bytes, found ${bytes.length + 4_100_000}: it was overwritten, or appended to. Restore it from a copy.`,
    })
    await memory.put(path, bytes.subarray(0, 4_100_000))
    await expect(rowsOf(table, { columns: ['id'] })).rejects.toMatchObject({
      code: 'DELTA_FILE_DAMAGED',
      message: expect.stringContaining('found 4100000: it was cut off, or overwritten.'),
    })
    await memory.put(path, bytes.fill(0xff, bytes.length - 100, bytes.length - 8))
    await expect(rowsOf(table, { columns: ['id'] })).rejects.toMatchObject({ code: 'PARQUET_INVALID' })
  })

  it('of a file outside of the store are refused', async () => {
    const { table, memory } = await tableOf(0)
    await foreignCommit(memory, 1, [{ add: addOf('s3://other-bucket/x.parquet') }])
    await expect(rowsOf(table)).rejects.toMatchObject({
      code: 'DELTA_PATH_OUTSIDE',
      message: expect.stringContaining('below memory://store, found s3://other-bucket/x.parquet in its log.'),
    })
  })
})
