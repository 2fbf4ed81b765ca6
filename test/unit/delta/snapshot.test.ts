import { describe, expect, it } from 'vitest'
import type { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { DeltaTable, writeDataFile } from '#delta/table.ts'
import type { ColumnBatch } from '#schema/vector.ts'
import { CountingStore } from '../../support/counting-store.ts'
import {
  addOf,
  append,
  batchOf,
  createTable,
  FIELDS,
  foreignCommit,
  LOG,
  lake,
  putText,
  START,
  TABLE,
  versionName,
} from './fixtures.ts'

const commit = (version: number): string => `${LOG}/${versionName(version)}.json`
const checkpoint = (version: number): string => `${LOG}/${versionName(version)}.checkpoint.parquet`
const HINT = `${LOG}/_last_checkpoint`

/** Versions 1 … count, one file `<version>.parquet` and one transaction each, a second apart; checkpoints where asked. */
async function tableOf(count: number, ...checkpoints: readonly number[]) {
  const { deps, memory, clock } = lake()
  const table = await createTable(deps())
  for (let version = 1; version <= count; version++) {
    clock.time += 1000
    await append(table, `${version}.parquet`, ['app', version])
    if (checkpoints.includes(version)) await table.checkpoint()
  }
  return { deps, memory, clock, table }
}

async function deleteCommits(memory: MemoryObjectStore, from: number, to: number): Promise<void> {
  for (let version = from; version <= to; version++) await memory.delete(commit(version))
}

const filesUpTo = (count: number): string[] => Array.from({ length: count }, (_, at) => `${at + 1}.parquet`)

async function expectVersion(table: DeltaTable, version: number): Promise<void> {
  const snapshot = await table.snapshot()
  expect(snapshot.version).toBe(version)
  expect(snapshot.files.map(({ path }) => path)).toEqual(filesUpTo(version))
  expect(snapshot.txns).toEqual(new Map([['app', version]]))
}

describe('a snapshot', () => {
  it('is the table as of its latest version', async () => {
    const { table } = await tableOf(3)
    const snapshot = await table.snapshot()
    await expectVersion(table, 3)
    expect(snapshot.fields).toEqual(FIELDS)
    expect(snapshot.protocol).toEqual({ minReaderVersion: 1, minWriterVersion: 2 })
    expect(snapshot.metadata.partitionColumns).toEqual([])
    expect(snapshot.timestamp).toBe(START + 3000)
    expect(snapshot.totalBytes).toBe(300)
    expect(snapshot.totalRows()).toBe(3)
  })

  it('does not change when somebody commits', async () => {
    const { table } = await tableOf(1)
    const before = await table.snapshot()
    await append(table, '2.parquet')
    expect(before.files).toHaveLength(1)
  })

  it('has no row count when a file has no statistics, or malformed ones', async () => {
    const { table } = await tableOf(1)
    const { version } = await table.appendState()
    const { stats: _, ...bare } = addOf('bare.parquet')
    await table.commit({ readVersion: version, adds: [bare], txns: [] })
    expect((await table.snapshot()).totalRows()).toBeNull()
    const odd = await tableOf(1)
    await foreignCommit(odd.memory, 2, [{ add: { ...addOf('odd'), stats: '{"stats_json":"{}"}' } }])
    expect((await odd.table.snapshot()).totalRows()).toBeNull()
  })

  it('leaves out files that were removed, and takes back those that came again', async () => {
    const { table, memory } = await tableOf(2)
    await foreignCommit(memory, 3, [{ remove: { path: '1.parquet', dataChange: true, deletionTimestamp: START } }])
    expect((await table.snapshot()).files.map(({ path }) => path)).toEqual(['2.parquet'])
    await foreignCommit(memory, 4, [{ add: addOf('1.parquet') }])
    expect((await table.snapshot()).files.map(({ path }) => path)).toEqual(['2.parquet', '1.parquet'])
    await table.checkpoint()
    await deleteCommits(memory, 0, 4)
    expect((await table.snapshot()).files.map(({ path }) => path).sort()).toEqual(['1.parquet', '2.parquet'])
  })

  it('ignores actions and fields that it does not know', async () => {
    const { table, memory } = await tableOf(1)
    await foreignCommit(memory, 2, [
      { newThing: { a: 1 } },
      { add: { ...addOf('2.parquet'), clusteringProvider: 'x' } },
    ])
    expect((await table.snapshot()).files).toHaveLength(2)
  })

  it('passes over other files in the log', async () => {
    const { table, memory } = await tableOf(2)
    for (const name of [
      '.tmp',
      '00.json',
      `${versionName(2)}.json.tmp`,
      `${versionName(0)}.${versionName(2)}.compacted.json`,
    ]) {
      await putText(memory, `${LOG}/${name}`, '{')
    }
    await putText(memory, `${LOG}/_staged_commits/${versionName(3)}.uuid.json`, '{')
    await expectVersion(table, 2)
  })
})

describe('time travel', () => {
  it('goes to any version', async () => {
    const { table } = await tableOf(5, 3)
    for (const version of [1, 2, 3, 4, 5]) {
      const snapshot = await table.snapshot({ version })
      expect(snapshot.version).toBe(version)
      expect(snapshot.files.map(({ path }) => path)).toEqual(filesUpTo(version))
      expect(snapshot.timestamp).toBe(START + version * 1000)
    }
    expect((await table.snapshot({ version: 0 })).files).toEqual([])
  })

  // version   0     1     2     3
  // time      +0    +1s   +2s   +3s
  it.each([
    [0, 0],
    [999, 0],
    [1000, 1],
    [2500, 2],
    [3000, 3],
    [99_000, 3],
  ])('at %i ms after the start finds version %i', async (after, version) => {
    const { table } = await tableOf(3, 2)
    expect((await table.snapshot({ timestamp: START + after })).version).toBe(version)
  })

  it('counts commits of the same moment as a millisecond apart', async () => {
    const { deps } = lake()
    const table = await createTable(deps())
    for (let i = 1; i <= 3; i++) await append(table, `${i}.parquet`)
    expect((await table.snapshot({ timestamp: START + 1 })).version).toBe(1)
    expect((await table.snapshot({ timestamp: START + 3 })).version).toBe(3)
  })

  it('before the first version is DELTA_VERSION_NOT_FOUND', async () => {
    const { table } = await tableOf(1)
    await expect(table.snapshot({ timestamp: START - 1 })).rejects.toMatchObject({
      code: 'DELTA_VERSION_NOT_FOUND',
      message: `Expected a time at or after 2026-03-01T00:00:00.000Z, when version 0 of ${TABLE} was committed, found 2026-02-28T23:59:59.999Z. Choose a later time.`,
    })
  })

  it.each([6, -1, 1.5])('to version %d, which is not there, is DELTA_VERSION_NOT_FOUND', async (version) => {
    const { table } = await tableOf(5, 4)
    await expect(table.snapshot({ version })).rejects.toMatchObject({
      code: 'DELTA_VERSION_NOT_FOUND',
      message: expect.stringContaining(`Expected a version of ${TABLE} from 0 to 5, found ${version}.`),
    })
  })

  it('to a version that was cleaned up says which is the oldest', async () => {
    const { table, memory } = await tableOf(5, 3)
    await deleteCommits(memory, 0, 3)
    await expect(table.snapshot({ version: 2 })).rejects.toMatchObject({
      code: 'DELTA_VERSION_NOT_FOUND',
      message: `Expected a version of ${TABLE} from 3 to 5, found 2. Older ones were cleaned up.`,
    })
    expect((await table.snapshot({ version: 3 })).files).toHaveLength(3)
  })
})

describe('a checkpoint', () => {
  it('makes all commits before it unnecessary', async () => {
    const { table, memory } = await tableOf(6, 4)
    const before = await table.snapshot()
    await deleteCommits(memory, 0, 4)
    const after = await table.snapshot()
    expect(after.files).toEqual(before.files.map((file, at) => (at < 4 ? { ...file, dataChange: false } : file)))
    expect(after.txns).toEqual(before.txns)
    expect(after.metadata).toEqual(before.metadata)
    expect(after.protocol).toEqual(before.protocol)
    await append(table, '7.parquet', ['app', 7])
    await expectVersion(table, 7)
  })

  it('is found by its hint without a look at older files', async () => {
    const { deps, memory } = await tableOf(6, 4)
    const counting = new CountingStore(memory)
    const table = await DeltaTable.open(deps(counting), TABLE)
    counting.take()
    await table.snapshot()
    expect(counting.take()).toEqual([
      `get ${HINT}`,
      `list ${LOG}/`,
      `get ${checkpoint(4)}`,
      `get ${commit(5)}`,
      `get ${commit(6)}`,
    ])
  })

  it.each([
    ['missing', null],
    ['empty', ''],
    ['not JSON', '{"version":'],
    ['not an object', '[]'],
    ['without a version', '{"size":1}'],
    ['stale', '{"version":2,"size":4}'],
    ['dangling: no such checkpoint', '{"version":3,"size":5}'],
    ['beyond the end of the log', '{"version":1000,"size":5}'],
    ['of a version that is no number', '{"version":"4"}'],
  ])('is found though the hint is %s', async (_, hint) => {
    const { table, memory } = await tableOf(6, 2, 4)
    await (hint === null ? memory.delete(HINT) : putText(memory, HINT, hint))
    await expectVersion(table, 6)
    await append(table, '7.parquet', ['app', 7])
    await expectVersion(table, 7)
    await deleteCommits(memory, 0, 4)
    await expectVersion(table, 7)
    const fresh = await DeltaTable.open(
      { store: memory, clock: { now: () => 0, sleep: async () => {} }, ids: { next: () => 'x' } },
      TABLE,
    )
    expect((await fresh.appendState()).version).toBe(7)
  })

  it('that is cut off anywhere is passed over for the commits', async () => {
    const { table, memory } = await tableOf(5, 4)
    const whole = await memory.get(checkpoint(4))
    for (const length of [0, 3, 11, 100, Math.floor(whole.length / 2), whole.length - 9, whole.length - 1]) {
      await memory.put(checkpoint(4), whole.subarray(0, length))
      await expectVersion(table, 5)
    }
  })

  it('that is damaged is passed over for an older one', async () => {
    const { table, memory } = await tableOf(6, 2, 4)
    await deleteCommits(memory, 0, 2)
    const bytes = await memory.get(checkpoint(4))
    await memory.put(checkpoint(4), bytes.subarray(0, 200))
    await expectVersion(table, 6)
  })

  it('that is damaged with nothing to make up for it is DELTA_CHECKPOINT_CORRUPT', async () => {
    const { table, memory } = await tableOf(6, 2, 4)
    await deleteCommits(memory, 0, 4)
    for (const version of [2, 4]) {
      const bytes = await memory.get(checkpoint(version))
      await memory.put(checkpoint(version), bytes.subarray(0, 200))
    }
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_CHECKPOINT_CORRUPT',
      message: expect.stringMatching(
        new RegExp(
          `^Expected a whole Delta checkpoint at ${checkpoint(4)}, but it can't be read \\(.+\\)\\. Restore it from a copy; until then only versions whose commits are all there can be read\\.$`,
        ),
      ),
    })
  })

  it('is written again where a damaged one lies, and the hint with it', async () => {
    const { table, memory } = await tableOf(4, 4)
    await putText(memory, checkpoint(4), 'PAR1')
    await memory.delete(HINT)
    await table.checkpoint()
    await deleteCommits(memory, 0, 4)
    await expectVersion(table, 4)
  })

  it('in parts is read when all parts are there, and only then', async () => {
    const { table, memory } = await tableOf(5, 4)
    const bytes = await memory.get(checkpoint(4))
    await memory.delete(checkpoint(4))
    const part = (of: number): string => `${LOG}/${versionName(4)}.checkpoint.000000000${of}.0000000002.parquet`
    await memory.put(part(1), bytes)
    await deleteCommits(memory, 1, 4)
    await expect(table.snapshot()).rejects.toMatchObject({ code: 'DELTA_LOG_GAP' })
    // Twice the same actions are the same actions.
    await memory.put(part(2), bytes)
    await expectVersion(table, 5)
  })

  it('of the V2 kind under a unique name is refused by name, where nothing else is left', async () => {
    const { table, memory } = await tableOf(3)
    await putText(memory, `${LOG}/${versionName(2)}.checkpoint.6374b053-df23-479b-b2cf-c9c550132b49.json`, '{}')
    await deleteCommits(memory, 0, 2)
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_FEATURE_UNSUPPORTED',
      details: { features: ['v2Checkpoint'] },
    })
  })
})

describe('a damaged log', () => {
  it('with a gap is DELTA_LOG_GAP, naming the commit', async () => {
    const { table, memory } = await tableOf(5)
    await memory.delete(commit(3))
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_LOG_GAP',
      message: `Expected commit ${commit(3)} on the way to version 5, found none, and no later checkpoint. Restore that file from a copy, or read version 2 or older.`,
      details: { missing: 3, version: 5 },
    })
    expect((await table.snapshot({ version: 2 })).files).toHaveLength(2)
  })

  it('with a gap that a checkpoint bridges is read', async () => {
    const { table, memory } = await tableOf(5, 4)
    await memory.delete(commit(2))
    await expectVersion(table, 5)
  })

  it('with a gap after the checkpoint is DELTA_LOG_GAP', async () => {
    const { table, memory } = await tableOf(6, 3)
    await memory.delete(commit(5))
    await expect(table.snapshot()).rejects.toMatchObject({ code: 'DELTA_LOG_GAP', details: { missing: 5 } })
  })

  it.each([
    [
      'cut off',
      '{"commitInfo":{}}\n{"add":{"path":"x","si',
      'line 2: expected a JSON object, found text that is none (ends with "{\\"add\\":{\\"path\\":\\"x\\",\\"si")',
    ],
    ['no object', '{"commitInfo":{}}\n\n42', 'line 3: expected a JSON object, found a number'],
    ['empty', '', 'line 1: expected an action, found an empty file'],
    ['an add without a path', '{"add":{"size":1}}', 'line 1: expected add.path to be text, found nothing'],
    [
      'an add whose size is text',
      '{"add":{"path":"x","size":"1"}}',
      'line 1: expected add.size to be a number, found a string',
    ],
    [
      'a txn beyond 2^53',
      '{"txn":{"appId":"a","version":9007199254740993}}',
      'line 1: expected txn.version to be a whole number below 2^53, found 9007199254740992',
    ],
    ['an action that is a list', '{"protocol":[]}', 'line 1: expected "protocol" to be an object, found a list'],
  ])('with a commit that is %s is DELTA_LOG_CORRUPT, naming file and line', async (_, text, found) => {
    const { table, memory } = await tableOf(3)
    await putText(memory, commit(2), text)
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_LOG_CORRUPT',
      message: `Delta log ${commit(2)}, ${found}. Restore that file from a copy; without it the table can only be read as of an older version.`,
      details: { file: commit(2) },
    })
  })

  it('with bytes that are not UTF-8 names the line', async () => {
    const { table, memory } = await tableOf(1)
    await memory.put(commit(1), Uint8Array.from([...new TextEncoder().encode('{"txn":null}\n'), 0x7b, 0xff, 0xfe]))
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_LOG_CORRUPT',
      message: expect.stringContaining(`${commit(1)}, line 2: expected UTF-8 text`),
    })
  })

  it('without protocol or metadata is DELTA_LOG_CORRUPT', async () => {
    const { deps, memory } = lake()
    await foreignCommit(memory, 0, [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }])
    const table = await DeltaTable.open(deps(), TABLE)
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_LOG_CORRUPT',
      message: `Expected the log ${LOG}/ to hold a metaData action at or before version 0, found none. Restore the log from a copy.`,
    })
  })

  it('is DELTA_NOT_A_TABLE when there is no log', async () => {
    const { deps, memory } = lake()
    await putText(memory, `${TABLE}/part-1.parquet`, 'x')
    await putText(memory, `${HINT}`, '{"version":3}')
    await expect(DeltaTable.open(deps(), TABLE)).rejects.toMatchObject({
      code: 'DELTA_NOT_A_TABLE',
      message: `Expected a Delta table at memory://store/${TABLE}, found no commits and no checkpoint in its _delta_log. Check the name, or create the table first.`,
    })
  })
})

describe('features', () => {
  const withProtocol = async (protocol: object, configuration: Record<string, string> = {}) => {
    const made = await tableOf(1)
    const { metadata } = await made.table.appendState()
    await foreignCommit(made.memory, 2, [{ protocol }, { metaData: { ...metadata, configuration } }])
    return made
  }

  it('that reading needs and we have not are named', async () => {
    const { table } = await withProtocol({
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['deletionVectors', 'vacuumProtocolCheck', 'rainbows'],
      writerFeatures: ['deletionVectors'],
    })
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_FEATURE_UNSUPPORTED',
      message: `Can't read the Delta table ${TABLE}: it needs deletionVectors, rainbows, which Sluice does not have. Use an engine that has them, or a table without.`,
    })
    expect((await table.snapshot({ version: 1 })).files).toHaveLength(1)
  })

  it.each([
    [{ minReaderVersion: 4, minWriterVersion: 7 }, {}, ['reader version 4']],
    [{ minReaderVersion: 2, minWriterVersion: 5 }, { 'delta.columnMapping.mode': 'name' }, ['columnMapping']],
  ])('of protocol %j refuse a read', async (protocol, configuration, features) => {
    const { table } = await withProtocol(protocol, configuration)
    await expect(table.snapshot()).rejects.toMatchObject({ details: { features } })
  })

  it.each([
    [
      { minReaderVersion: 2, minWriterVersion: 5 },
      ['checkConstraints', 'changeDataFeed', 'generatedColumns', 'columnMapping'],
    ],
    [{ minReaderVersion: 1, minWriterVersion: 3 }, ['checkConstraints']],
    [
      { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['appendOnly', 'icebergCompatV1'] },
      ['appendOnly', 'icebergCompatV1'],
    ],
    [{ minReaderVersion: 1, minWriterVersion: 8 }, ['writer version 8']],
  ])('of protocol %j allow a read, but no append and no checkpoint', async (protocol, features) => {
    const { table } = await withProtocol(protocol)
    expect((await table.snapshot()).files).toHaveLength(1)
    const refused = { code: 'DELTA_FEATURE_UNSUPPORTED', details: { features } }
    await expect(append(table, 'x')).rejects.toMatchObject(refused)
    await expect(table.checkpoint()).rejects.toMatchObject(refused)
  })

  it('refuse to append where the schema has invariants', async () => {
    const { table, memory } = await tableOf(1)
    const { metadata } = await table.appendState()
    const schema = JSON.parse(metadata.schemaString)
    schema.fields[1].metadata = { 'delta.invariants': '{"expression":{"expression":"id > 3"}}' }
    await foreignCommit(memory, 2, [{ metaData: { ...metadata, schemaString: JSON.stringify(schema) } }])
    await expect(append(table, 'x')).rejects.toMatchObject({ details: { features: ['invariants (column district)'] } })
  })
})

describe('rows', () => {
  const rowsOf = async (table: DeltaTable, options?: { columns?: readonly string[]; limit?: number }) => {
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
      ['at', 'timestamp', '2024-03-01 10:00:00.123456', Date.UTC(2024, 2, 1, 10, 0, 0, 123)],
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
  })

  it('of a file outside of the store are refused', async () => {
    const { table, memory } = await tableOf(0)
    await foreignCommit(memory, 1, [{ add: addOf('s3://other-bucket/x.parquet') }])
    await expect(rowsOf(table)).rejects.toMatchObject({
      code: 'DELTA_FEATURE_UNSUPPORTED',
      message: expect.stringContaining('names a data file outside of memory://store: s3://other-bucket/x.parquet'),
    })
  })
})
