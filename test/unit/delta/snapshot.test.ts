import { describe, expect, it } from 'vitest'
import type { DeltaTable } from '#delta/table.ts'
import {
  addOf,
  append,
  deleteCommits,
  FIELDS,
  filesUpTo,
  foreignCommit,
  LOG,
  putText,
  START,
  TABLE,
  tableOf,
  versionName,
} from './fixtures.ts'

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
      readerFeatures: ['variantType', 'vacuumProtocolCheck', 'deletionVectors', 'rainbows'],
      writerFeatures: ['deletionVectors'],
    })
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_FEATURE_UNSUPPORTED',
      message: `Can't read the Delta table ${TABLE}: it needs variantType, rainbows, which Sluice does not have. Use an engine that has them, or a table without.`,
    })
    expect((await table.snapshot({ version: 1 })).files).toHaveLength(1)
  })

  it.each([
    [{ minReaderVersion: 4, minWriterVersion: 7 }, ['reader version 4']],
    [{ minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['catalogManaged'] }, ['catalogManaged']],
  ])('of protocol %j refuse a read', async (protocol, features) => {
    const { table } = await withProtocol(protocol)
    await expect(table.snapshot()).rejects.toMatchObject({ details: { features } })
  })

  it.each([
    [
      { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['appendOnly', 'icebergCompatV1'] },
      ['icebergCompatV1'],
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
