import { DeltaTable, memory, type ScanOptions, valueGetter } from 'sluice/delta'
import { describe, expect, it } from 'vitest'
import { CountingStore } from '../../support/counting-store.ts'

const DAYS = ['2024-03-01', '2024-03-02', '2024-03-03']

/** A file a day, each with ids of its own. */
async function filled() {
  const deps = memory()
  const schema = {
    type: 'struct',
    fields: [
      { name: 'id', type: 'long', nullable: false, metadata: {} },
      { name: 'day', type: 'date', nullable: true, metadata: {} },
      { name: 'note', type: 'string', nullable: true, metadata: {} },
    ],
  } as const
  const table = await DeltaTable.create(deps, 't', { schema, partitionBy: ['day'] })
  for (const [at, day] of DAYS.entries()) {
    const rows = Array.from({ length: 100 }, (_, i) => ({
      id: at * 100 + i,
      day: Date.parse(day) / 86_400_000,
      note: `n${i % 3}`,
    }))
    await table.append(rows)
  }
  const counting = new CountingStore(deps.store)
  return { counting, table: await DeltaTable.open({ ...deps, store: counting }, 't') }
}

async function scanned(table: DeltaTable, options: ScanOptions) {
  const ids: unknown[] = []
  for await (const { rows, columns, selected } of (await table.snapshot()).scan(options)) {
    const id = valueGetter(columns.get('id')!)
    for (const row of selected ?? Array.from({ length: rows }, (_, i) => i)) ids.push(id(row))
  }
  return ids
}

describe('a scan', () => {
  it('gives columns as typed arrays, and all of their rows where nothing is asked for', async () => {
    const { table } = await filled()
    for await (const { rows, columns, selected } of (await table.snapshot()).scan()) {
      expect([...columns.keys()]).toEqual(['id', 'day', 'note'])
      expect(columns.get('id')).toMatchObject({ kind: 'number', values: { length: rows } })
      expect(columns.get('day')).toMatchObject({ kind: 'number', valid: null })
      expect(selected).toBeNull()
    }
    expect(await scanned(table, {})).toHaveLength(300)
  })

  it('opens only files that may have rows that are asked for, by partition values and by statistics', async () => {
    const { table, counting } = await filled()
    const requests = async (options: ScanOptions) => {
      counting.take()
      const ids = await scanned(table, { columns: ['id'], ...options })
      return { ids, files: new Set(counting.take().filter((request) => request.includes('.parquet'))).size }
    }
    expect(await requests({ where: { day: '2024-03-02', id: { lt: 103 } } })).toEqual({
      ids: [100, 101, 102],
      files: 1,
    })
    expect(await requests({ where: { id: 250 } })).toEqual({ ids: [250], files: 1 })
    expect(await requests({ where: { day: '2024-03-09' } })).toEqual({ ids: [], files: 0 })
    expect((await requests({ where: { note: 'n0' } })).files).toBe(3)
  })

  it('tests no rows of a file that matches whole, and has only the columns asked for', async () => {
    const { table } = await filled()
    for await (const { columns, selected } of (await table.snapshot()).scan({
      columns: ['id'],
      where: { day: '2024-03-01' },
    })) {
      expect([...columns.keys()]).toEqual(['id'])
      expect(selected).toBeNull()
    }
    for await (const { columns, selected } of (await table.snapshot()).scan({
      columns: ['id'],
      where: { note: 'n2' },
    })) {
      expect([...columns.keys()]).toEqual(['id'])
      expect(selected).toHaveLength(33)
    }
  })

  it('of an unknown column is DELTA_SCHEMA_MISMATCH', async () => {
    const { table } = await filled()
    await expect(scanned(table, { columns: ['no'] })).rejects.toMatchObject({ code: 'DELTA_SCHEMA_MISMATCH' })
  })
})
