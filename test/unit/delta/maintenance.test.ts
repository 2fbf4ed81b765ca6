import { describe, expect, it } from 'vitest'
import { DeltaTable } from '#delta/table.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { FaultyStore } from '../../support/faulty-store.ts'
import { commitPath, LOG, pathsOf, putText, TABLE, textAt } from './fixtures.ts'
import { type ItemsTable, item, items, itemsTable, rowsIn } from './table-support.ts'

const DAY = 86_400_000
const HOUR = 3_600_000

const dataFiles = async (made: ItemsTable): Promise<readonly string[]> =>
  (await pathsOf(made.memory, `${TABLE}/`)).filter((path) => !path.startsWith('_delta_log'))

describe('vacuum', () => {
  //  day 0   rows 0–9, rows 10–19    day 1   delete rows 0–9     day 8.5   vacuum
  async function deleted(options: Parameters<typeof itemsTable>[0] = {}) {
    const made = await itemsTable(options)
    await made.table.append(items(0, 10))
    await made.table.append(items(10, 20))
    made.clock.time += DAY
    await made.table.delete({ id: { lt: 10 } })
    return made
  }

  it('deletes files that have been out of the table for a week, and no others', async () => {
    const made = await deleted()
    made.clock.time += 7 * DAY - HOUR
    expect(await made.table.vacuum()).toMatchObject({ paths: [], deleted: false, kept: 2 })
    made.clock.time += 2 * HOUR
    const [gone] = (await made.table.snapshot({ version: 2 })).files
    expect(await made.table.vacuum({ dryRun: true })).toEqual({
      paths: [`${TABLE}/${gone!.path}`],
      bytes: gone!.size,
      deleted: false,
      kept: 1,
    })
    expect(await dataFiles(made)).toHaveLength(2)
    expect(await made.table.vacuum()).toMatchObject({ paths: [`${TABLE}/${gone!.path}`], deleted: true })
    expect(await rowsIn(made.table)).toEqual(items(10, 20))
    expect((await made.table.history(2)).map(({ operation }) => operation)).toEqual(['VACUUM END', 'VACUUM START'])
    await expect(rowsIn(made.table, 2)).rejects.toMatchObject({ code: 'DELTA_FILE_MISSING' })
  })

  it('deletes what writers left that never committed, once it is old', async () => {
    const made = await deleted()
    await putText(made.memory, `${TABLE}/part-orphan.parquet`, 'x')
    await putText(made.memory, `${TABLE}/district=1/part-orphan.parquet`, 'x')
    expect((await made.table.vacuum({ dryRun: true })).paths).toEqual([])
    made.clock.time += 8 * DAY
    await putText(made.memory, `${TABLE}/part-new.parquet`, 'x')
    await made.table.vacuum()
    const files = await dataFiles(made)
    expect(files).toContain('part-new.parquet')
    expect(files.filter((path) => path.includes('orphan'))).toEqual([])
  })

  it('leaves hidden names, the log, and other tables in the folder alone', async () => {
    const made = await deleted()
    const kept = [
      '.hidden',
      '_index/a.parquet',
      'inner/a=1/part.parquet',
      'inner/_delta_log/00000000000000000000.json',
      'Inner/part.parquet',
      'Inner/_delta_log/00000000000000000000.json',
      '_delta_log/leftover.tmp',
    ]
    for (const path of [...kept, '_a=1/part.parquet', '_change_data/cdc.parquet']) {
      await putText(made.memory, `${TABLE}/${path}`, 'x')
    }
    made.clock.time += 9 * DAY
    const { paths } = await made.table.vacuum()
    expect(paths.map((path) => path.slice(TABLE.length + 1))).toEqual([
      '_a=1/part.parquet',
      '_change_data/cdc.parquet',
      expect.stringMatching(/^part-/),
    ])
    const left = await pathsOf(made.memory, `${TABLE}/`)
    expect(kept.filter((path) => !left.includes(path))).toEqual([])
  })

  it('leaves files alone that the log names by a place which may be this one by another name', async () => {
    const made = await deleted()
    const [file] = (await made.table.snapshot()).files
    const log = commitPath(2)
    const text = await textAt(made.memory, log)
    expect(text).toContain(`"path":"${file!.path}"`)
    await putText(
      made.memory,
      log,
      text.replace(`"path":"${file!.path}"`, `"path":"file:///mnt/lake/a%20b/${file!.path}"`),
    )
    await putText(made.memory, `${TABLE}/part-orphan.parquet`, 'x')
    made.clock.time += 30 * DAY
    await (await made.other()).vacuum()
    expect(await dataFiles(made)).toEqual([file!.path])
  })

  it('of less than the retention is refused, unless it is forced', async () => {
    const made = await deleted()
    await expect(made.table.vacuum({ olderThan: '1 day' })).rejects.toMatchObject({
      code: 'DELTA_RETENTION_TOO_SHORT',
      message: `Expected to delete files of ${TABLE} that are older than 7 days, its delta.deletedFileRetentionDuration, found 1 day. Readers of older versions and writers that have not committed yet would lose files: choose a longer time, or force it when there are none.`,
    })
    made.clock.time += HOUR
    expect((await made.table.vacuum({ olderThan: '0 seconds', force: true })).paths).toHaveLength(1)
    expect(await rowsIn(made.table)).toEqual(items(10, 20))
  })

  it("goes by the table's own retention", async () => {
    const made = await deleted({ properties: { 'delta.deletedFileRetentionDuration': 'interval 2 hours' } })
    made.clock.time += 2 * HOUR
    expect((await made.table.vacuum({ dryRun: true })).paths).toEqual([])
    made.clock.time += HOUR
    expect((await made.table.vacuum()).paths).toHaveLength(1)
  })
})

describe('restore', () => {
  it('makes the table what it was at a version, and at a time, but for its transactions', async () => {
    const { table, clock } = await itemsTable()
    await table.append(items(0, 10), { txn: { appId: 'app', version: 1 } })
    clock.time += HOUR
    const before = clock.time
    clock.time += HOUR
    await table.append(items(10, 20), { txn: { appId: 'app', version: 2 } })
    await table.delete({ id: 3 })
    await table.evolve([{ name: 'note', column: { kind: 'string', nullable: true } }])
    expect(await table.restore({ timestamp: before })).toMatchObject({
      version: 5,
      metrics: { numRestoredFiles: 1, numRemovedFiles: 2, numOfFilesAfterRestore: 1 },
    })
    expect(await rowsIn(table)).toEqual(items(0, 10))
    expect((await table.snapshot()).txns).toEqual(new Map([['app', 2]]))
    await table.restore({ version: 4 })
    expect((await rowsIn(table))[0]).toEqual({ ...item(0), note: null })
    expect(await rowsIn(table)).toHaveLength(19)
    expect((await table.history(1))[0]).toMatchObject({ operation: 'RESTORE', parameters: { version: '4' } })
  })

  it('to what the table is commits nothing', async () => {
    const { table } = await itemsTable()
    await table.append(items(0, 3))
    expect(await table.restore({ version: 1 })).toEqual({ version: 1, committed: false, metrics: {} })
  })

  it('of files that were vacuumed names them', async () => {
    const made = await itemsTable()
    await made.table.append(items(0, 3))
    const [file] = (await made.table.snapshot()).files
    await made.table.overwrite(items(3, 6))
    await made.memory.delete(`${TABLE}/${file!.path}`)
    await expect(made.table.restore({ version: 1 })).rejects.toMatchObject({
      code: 'DELTA_FILE_MISSING',
      message: `Version 1 of ${TABLE} needs 1 data file that is gone: ${file!.path}. VACUUM deleted them: restore a later version, or the files from a copy.`,
    })
    expect(await rowsIn(made.table)).toEqual(items(3, 6))
  })

  it('is planned anew when others appended meanwhile: their rows go as well', async () => {
    const made = await itemsTable()
    await made.table.append(items(0, 3))
    await made.table.append(items(3, 6))
    const store = new FaultyStore(made.memory)
    const table = await DeltaTable.open(made.deps(store, 'ours'), TABLE)
    store.plan('create', /03\.json$/, async () => void (await made.table.append(items(6, 9))))
    expect(await table.restore({ version: 1 })).toMatchObject({ version: 4, metrics: { numRemovedFiles: 2 } })
    expect(await rowsIn(table)).toEqual(items(0, 3))
  })
})

describe('evolve', () => {
  const text = { kind: 'string', nullable: true } as const

  it('adds columns where they are wanted; rows that are there have none', async () => {
    const { table } = await itemsTable()
    await table.append(items(0, 1))
    await table.evolve([
      { name: 'id', column: { kind: 'long', nullable: false } },
      { name: 'note', column: text },
    ])
    await table.append([{ ...item(1), note: 'new' }])
    expect((await table.snapshot()).fields.map(({ name }) => name)).toEqual([
      'id',
      'note',
      'district',
      'amount',
      'revision',
    ])
    expect(await rowsIn(table)).toEqual([
      { ...item(0), note: null },
      { ...item(1), note: 'new' },
    ])
    expect((await table.history())[1]).toMatchObject({ operation: 'ADD COLUMNS' })
  })

  it('of what is there changes nothing', async () => {
    const { table } = await itemsTable()
    expect(await table.evolve([{ name: 'district', column: text }])).toEqual({
      version: 0,
      committed: false,
      metrics: {},
    })
  })

  it('of the same column by two at once is done by one, and by both of different ones', async () => {
    const made = await itemsTable()
    const store = new FaultyStore(made.memory)
    const table = await DeltaTable.open(made.deps(store, 'ours'), TABLE)
    store.plan('create', /01\.json$/, async () => void (await made.table.evolve([{ name: 'a', column: text }])))
    expect(await table.evolve([{ name: 'a', column: text }])).toMatchObject({ version: 1, committed: false })
    store.plan('create', /02\.json$/, async () => void (await made.table.evolve([{ name: 'b', column: text }])))
    expect(await table.evolve([{ name: 'c', column: text }])).toMatchObject({ version: 3 })
    const names = (await table.snapshot()).fields.map(({ name }) => name)
    expect(names.slice(-3)).toEqual(['a', 'b', 'c'])
  })

  it('goes into structs, lists and maps, widens integers that are as wide in files, and allows nulls', async () => {
    const field = (name: string, type: unknown, nullable = true) => ({ name, type, nullable, metadata: {} })
    const struct = (...fields: object[]) => ({ type: 'struct', fields })
    const schema = (inner: object, item: object, value: object, n: string, nullable: boolean) =>
      struct(
        field('s', inner),
        field('l', { type: 'array', elementType: item, containsNull: true }),
        field('m', { type: 'map', keyType: 'string', valueType: value, valueContainsNull: true }),
        field('n', n, nullable),
      ) as never
    const { deps } = await itemsTable()
    const one = struct(field('x', 'long'))
    const two = struct(field('x', 'long'), field('y', 'date'))
    const table = await DeltaTable.create(deps(), 'nested', { schema: schema(one, one, one, 'byte', false) })
    const row = { s: { x: 1 }, l: [{ x: 2 }, null], m: new Map([['k', { x: 3 }]]), n: 127 }
    await table.append([row])
    await table.evolve(schema(two, two, two, 'integer', true))
    const rich = { s: { x: 1, y: 9 }, l: [{ x: 2, y: null }], m: new Map([['k', { x: 3, y: 1 }]]), n: null }
    await table.append([rich])
    const rows: object[] = []
    for await (const run of (await table.snapshot()).rows()) rows.push(...run)
    const y = null
    expect(rows).toEqual([{ s: { x: 1, y }, l: [{ x: 2, y }, null], m: new Map([['k', { x: 3, y }]]), n: 127 }, rich])
  })

  it('refuses what rows that are there can not follow, column by column', async () => {
    const { table } = await itemsTable()
    const wanted = [
      { name: 'id', column: { kind: 'double', nullable: false } },
      { name: 'revision', column: { kind: 'long', nullable: true } },
      { name: 'District', column: text },
      { name: 'note', column: { kind: 'string', nullable: false } },
    ] as const
    await expect(table.evolve(wanted)).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_CHANGE_REFUSED',
      message: `Can't change the columns of the Delta table ${TABLE}: id: from long to double is another type; revision: from integer to long needs the table feature typeWidening; district: District differs from it only in case, which SQL engines can't tell apart; note: a new column must be nullable, the rows that are there have no value. Add a column of another name, or write a new table.`,
    })
    expect((await table.snapshot()).version).toBe(0)
  })
})

describe('cleaning the log', () => {
  //  a commit a day; a checkpoint at 3 and at 8; today is day 12, three days of the log stay
  async function daily() {
    const made = await itemsTable({ properties: { 'delta.logRetentionDuration': 'interval 3 days' } })
    for (let version = 1; version <= 12; version++) {
      made.clock.time += DAY
      await made.table.append([item(version)])
      if (version === 3 || version === 8) await made.table.checkpoint()
    }
    return made
  }

  it('keeps the newest checkpoint that is older than the retention, its commit, and all that follows', async () => {
    const made = await daily()
    const { oldestVersion, deleted } = await made.table.cleanLog()
    expect(oldestVersion).toBe(8)
    expect(deleted).toHaveLength(8 + 8 + 1)
    const left = await pathsOf(made.memory, `${LOG}/`)
    expect(left.filter((name) => name.endsWith('.json')).map((name) => Number.parseInt(name, 10))).toEqual([
      8, 9, 10, 11, 12,
    ])
    expect(left.filter((name) => name.includes('checkpoint.parquet'))).toHaveLength(1)
    expect(await rowsIn(made.table)).toEqual(items(1, 13))
    expect(await rowsIn(made.table, 8)).toEqual(items(1, 9))
    await expect(made.table.snapshot({ version: 7 })).rejects.toMatchObject({ code: 'DELTA_VERSION_NOT_FOUND' })
    expect(await made.table.cleanLog()).toEqual({ oldestVersion: 8, deleted: [] })
  })

  it('that stops half way leaves a log without a gap', async () => {
    const made = await daily()
    const store = new FaultyStore(made.memory).plan('delete', /05\.json$/, 'before')
    const table = await DeltaTable.open(made.deps(store, 'ours'), TABLE)
    await expect(table.cleanLog()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(await rowsIn(made.table)).toEqual(items(1, 13))
    expect((await pathsOf(made.memory, `${LOG}/`)).some((name) => commitPath(6).endsWith(name))).toBe(true)
    await made.table.cleanLog()
    expect(await rowsIn(made.table, 9)).toEqual(items(1, 10))
  })

  it('does nothing without an old checkpoint, or where the table forbids it', async () => {
    const made = await itemsTable()
    await made.table.append([item(1)])
    await made.table.checkpoint()
    expect(await made.table.cleanLog()).toEqual({ oldestVersion: null, deleted: [] })
    const properties = { 'delta.enableExpiredLogCleanup': 'false', 'delta.logRetentionDuration': 'interval 1 day' }
    const kept = await itemsTable({ properties })
    await kept.table.append([item(1)])
    await kept.table.checkpoint()
    kept.clock.time += 9 * DAY
    expect(await kept.table.cleanLog()).toEqual({ oldestVersion: null, deleted: [] })
  })

  it('deletes sidecars that no checkpoint names, once they are a day old', async () => {
    const made = await daily()
    await putText(made.memory, `${LOG}/_sidecars/old.parquet`, 'x')
    made.clock.time += 2 * DAY
    await putText(made.memory, `${LOG}/_sidecars/new.parquet`, 'x')
    const { deleted } = await made.table.cleanLog()
    expect(deleted.filter((path) => path.includes('_sidecars'))).toEqual([`${LOG}/_sidecars/old.parquet`])
  })
})

describe('a checkpoint', () => {
  it('is due after as many versions as the table says, or is told', async () => {
    const made = await itemsTable({ properties: { 'delta.checkpointInterval': '3' } })
    const written: number[] = []
    for (let version = 1; version <= 8; version++) {
      await made.table.append([item(version)])
      if (await made.table.checkpointIfDue()) written.push(version)
    }
    expect(written).toEqual([2, 5, 8])
    expect(await made.table.checkpointIfDue(1)).toBe(false)
    await made.table.append([item(9)])
    expect(await made.table.checkpointIfDue(1)).toBe(true)
  })

  it('costs a GET and a LIST when none is due', async () => {
    const made = await itemsTable()
    const store = new CountingStore(made.memory)
    const table = await DeltaTable.open(made.deps(store, 'counted'), TABLE)
    await table.append([item(1)])
    store.take()
    expect(await table.checkpointIfDue()).toBe(false)
    expect(store.take().map((request) => request.split(' ')[0])).toEqual(['get', 'list'])
  })
})

describe('describe', () => {
  it('says what the table is', async () => {
    const made = await itemsTable({ partitionBy: ['district'], properties: { owner: 'me' } })
    await made.table.append(items(0, 10), { txn: { appId: 'app', version: 3 } })
    await made.table.delete({ id: 4 })
    await made.table.checkpoint()
    expect(await made.table.describe()).toMatchObject({
      uri: `memory://store/${TABLE}`,
      version: 2,
      partitionColumns: ['district'],
      properties: { owner: 'me' },
      minReaderVersion: 1,
      minWriterVersion: 2,
      features: [],
      files: 3,
      rows: 9,
      tombstones: 1,
      txns: { app: 3 },
      checkpoint: 2,
      schema: { type: 'struct' },
    })
  })
})
