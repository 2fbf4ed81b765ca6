import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { describe, expect, it } from 'vitest'
import { LogPaths } from '#delta/log.ts'
import { replay } from '#delta/replay.ts'
import { DeltaTable } from '#delta/table.ts'
import { bytesSource } from '#parquet/source.ts'
import { CountingStore } from '../../support/counting-store.ts'
import {
  addOf,
  append,
  createTable,
  foreignCommit,
  LOG,
  lake,
  putText,
  START,
  TABLE,
  tableOf,
  textAt,
  versionName,
} from './fixtures.ts'

const path = (version: number): string => `${LOG}/${versionName(version)}.checkpoint.parquet`
const HINT = `${LOG}/_last_checkpoint`
const DAY = 86_400_000

async function rowsAt(bytes: Uint8Array): Promise<Record<string, Record<string, unknown>>[]> {
  return parquetReadObjects({ file: bytesSource(bytes), compressors })
}

describe('a checkpoint file', () => {
  const made = async () => {
    const { deps, memory, clock } = lake()
    const table = await createTable(deps())
    for (let i = 1; i <= 3; i++) await append(table, `${i}.parquet`, [`app/${i}`, i])
    await foreignCommit(memory, 4, [
      { remove: { path: '1.parquet', dataChange: true, deletionTimestamp: START, size: 100, partitionValues: {} } },
      { remove: { path: '2.parquet', dataChange: true, deletionTimestamp: START - 8 * DAY } },
      { add: { ...addOf('4.parquet'), tags: { ZCUBE: 'z', none: null } } },
    ])
    return { table, memory, clock }
  }

  it('has a row an action: protocol, metadata, all transactions, young tombstones, all files', async () => {
    const { table, memory } = await made()
    await table.checkpoint()
    const rows = await rowsAt(await memory.get(path(4)))
    const of = (kind: string) => rows.flatMap((row) => (row[kind] ? [row[kind]] : []))
    expect(rows.every((row) => Object.values(row).filter((action) => action != null).length === 1)).toBe(true)
    expect(of('protocol')).toEqual([{ minReaderVersion: 1, minWriterVersion: 2 }])
    expect(of('metaData')).toHaveLength(1)
    expect(of('metaData')[0]).toMatchObject({
      format: { provider: 'parquet', options: {} },
      partitionColumns: [],
      configuration: {},
    })
    expect(of('txn').map(({ appId, version, lastUpdated }) => [appId, version, lastUpdated])).toEqual(
      [1, 2, 3].map((i) => [`app/${i}`, BigInt(i), BigInt(START)]),
    )
    expect(of('remove').map(({ path, size, dataChange }) => [path, size, dataChange])).toEqual([
      ['1.parquet', 100n, false],
    ])
    expect(of('add').map(({ path, partitionValues }) => [path, partitionValues])).toEqual([
      ['3.parquet', {}],
      ['4.parquet', {}],
    ])
    expect(of('add')[0]).toMatchObject({ stats: addOf('').stats, size: 100n, dataChange: false })
    expect(of('add')[1]).toMatchObject({ tags: { ZCUBE: 'z', none: null } })
  })

  it('holds what features need, where a table has them: their lists, deletion vectors, domains', async () => {
    const { table, memory } = await made()
    const vector = {
      storageType: 'u',
      pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
      offset: 4,
      sizeInBytes: 40,
      cardinality: 6,
    }
    const protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['deletionVectors'],
      writerFeatures: ['deletionVectors', 'domainMetadata'],
    }
    await foreignCommit(memory, 5, [
      { protocol },
      { domainMetadata: { domain: 'app', configuration: '{}', removed: false } },
      { add: { ...addOf('5.parquet'), deletionVector: vector } },
      { remove: { path: '4.parquet', dataChange: true, deletionTimestamp: START, deletionVector: vector } },
    ])
    const before = await table.snapshot()
    await table.checkpoint()
    for (let version = 0; version <= 5; version++) await memory.delete(`${LOG}/${versionName(version)}.json`)
    const after = await table.snapshot()
    expect(after.protocol).toEqual(protocol)
    expect(after.files).toEqual(before.files.map((file) => ({ ...file, dataChange: false })))
    const rows = await rowsAt(await memory.get(path(5)))
    expect(rows.flatMap((row) => row['domainMetadata'] ?? [])).toEqual([
      { domain: 'app', configuration: '{}', removed: false },
    ])
    expect(rows.flatMap((row) => row['remove']?.['deletionVector'] ?? [])).toEqual([{ ...vector, cardinality: 6n }])
  })

  it('has no tombstone of a file that came again', async () => {
    const { table, memory } = await made()
    await foreignCommit(memory, 5, [{ add: addOf('1.parquet') }])
    await table.checkpoint()
    const rows = await rowsAt(await memory.get(path(5)))
    expect(rows.filter((row) => row['remove'])).toEqual([])
    expect(rows.flatMap((row) => row['add']?.['path'] ?? [])).toEqual(['3.parquet', '4.parquet', '1.parquet'])
  })

  it('is left as it is when it is asked for again', async () => {
    const { table, memory } = await made()
    await table.checkpoint()
    const counting = new CountingStore(memory)
    await (await DeltaTable.open(lake().deps(counting), TABLE)).checkpoint()
    expect(counting.take().filter((request) => request.startsWith('put'))).toEqual([])
  })

  it('keeps tombstones as long as the table says', async () => {
    const { table, memory, clock } = await made()
    const { metadata } = await table.appendState()
    const configuration = { 'delta.deletedFileRetentionDuration': 'interval 30 days' }
    await foreignCommit(memory, 5, [{ metaData: { ...metadata, configuration } }])
    await table.checkpoint()
    const removed = async (version: number) =>
      (await rowsAt(await memory.get(path(version)))).filter((row) => row['remove'])
    expect(await removed(5)).toHaveLength(2)
    clock.time += 23 * DAY
    await append(table, '6.parquet')
    await table.checkpoint()
    expect(await removed(6)).toHaveLength(1)
  })

  it('follows the interoperable profile: ZSTD, PLAIN, no feature lists', async () => {
    const { table, memory } = await made()
    await table.checkpoint()
    const bytes = await memory.get(path(4))
    const metadata = parquetMetadata(bytesSource(bytes).slice(0) as ArrayBuffer)
    const chunks = metadata.row_groups.flatMap(({ columns }) => columns.map((column) => column.meta_data!))
    expect(new Set(chunks.map(({ codec }) => codec))).toEqual(new Set(['ZSTD']))
    expect(new Set(chunks.flatMap(({ encodings }) => encodings))).toEqual(new Set(['PLAIN', 'RLE', 'RLE_DICTIONARY']))
    expect(metadata.schema.map(({ name }) => name)).not.toContain('readerFeatures')
    expect(metadata.created_by).toBe('sluice version 0.1.0')
  })

  it('is hinted at without parts', async () => {
    const { table, memory } = await made()
    await table.checkpoint()
    const { length } = await memory.get(path(4))
    // protocol, metadata, 3 transactions, 1 tombstone, 2 files
    expect(JSON.parse(await textAt(memory, HINT))).toEqual({
      version: 4,
      size: 8,
      sizeInBytes: length,
      numOfAddFiles: 2,
    })
  })

  it('does not move the hint back from a newer one', async () => {
    const { table, memory } = await made()
    await putText(memory, HINT, '{"version":9,"size":1}')
    await table.checkpoint()
    expect(await textAt(memory, HINT)).toBe('{"version":9,"size":1}')
  })
})

describe('a checkpoint after another', () => {
  /** The state that readers see, by the checkpoint alone and by the commits alone. */
  const both = async (memory: ReturnType<typeof lake>['memory'], version: number) => {
    const contents = async (without: (name: string) => boolean) => {
      const { memory: copy } = lake()
      for await (const { path: name } of memory.list('')) {
        if (!without(name)) await copy.put(name, await memory.get(name))
      }
      const { files, tombstones, txns, domains, metadata, protocol } = await replay(copy, new LogPaths(TABLE))
      const inOrder = <T extends object>(all: ReadonlyMap<string, T>) =>
        [...all]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, file]) => [key, { ...file, dataChange: false }] as const)
      return {
        files: inOrder(files),
        tombstones: inOrder(tombstones),
        txns: new Map([...txns].sort()),
        domains,
        metadata,
        protocol,
      }
    }
    const isCheckpoint = (name: string) => name.includes('checkpoint')
    return {
      byCheckpoint: await contents((name) => (isCheckpoint(name) ? name !== path(version) : name.endsWith('.json'))),
      byCommits: await contents(isCheckpoint),
    }
  }

  const changed = async () => {
    const made = await tableOf(5, 5)
    const { table, memory } = made
    // Away, back again with other statistics, and new ones; a transaction that goes on, and one that starts.
    await foreignCommit(memory, 6, [{ remove: { path: '2.parquet', dataChange: true, deletionTimestamp: START } }])
    await foreignCommit(memory, 7, [
      { remove: { path: '3.parquet', dataChange: true, deletionTimestamp: START } },
      { add: { ...addOf('2.parquet', 7), tags: { a: null } } },
    ])
    await append(table, 'ä b.parquet', ['other', 1])
    await append(table, '9.parquet', ['app', 9])
    await append(table, '10.parquet')
    return made
  }

  it('holds what the commits hold: removed, replaced and added files, and the last of each transaction', async () => {
    const { table, memory } = await changed()
    await table.checkpoint()
    const { byCheckpoint, byCommits } = await both(memory, 10)
    expect(byCheckpoint).toEqual(byCommits)
    expect(byCheckpoint.files.map(([key]) => key)).toContain('2.parquet')
    expect(byCheckpoint.tombstones.map(([key]) => key)).toEqual(['3.parquet'])
  })

  const vectorOf = (name: string) => ({
    storageType: 'u',
    pathOrInlineDv: `ab^-aqEH.-t@S}K{vb[*${name}^`,
    offset: 4,
    sizeInBytes: 40,
    cardinality: 6,
  })
  const featured = async () => {
    const made = await changed()
    const { table, memory } = made
    await foreignCommit(memory, 11, [
      {
        protocol: {
          minReaderVersion: 3,
          minWriterVersion: 7,
          readerFeatures: ['deletionVectors'],
          writerFeatures: ['deletionVectors', 'domainMetadata'],
        },
      },
      { domainMetadata: { domain: 'kept', configuration: '{"a":1}', removed: false } },
      { domainMetadata: { domain: 'gone', configuration: '{}', removed: false } },
      { remove: { path: '5.parquet', dataChange: true, deletionTimestamp: START } },
      { add: { ...addOf('5.parquet'), deletionVector: vectorOf('k') } },
      { add: { ...addOf('11.parquet'), deletionVector: vectorOf('l') } },
    ])
    await table.checkpoint()
    await foreignCommit(memory, 12, [
      { domainMetadata: { domain: 'gone', configuration: '{}', removed: true } },
      { remove: { path: '5.parquet', dataChange: true, deletionTimestamp: START, deletionVector: vectorOf('k') } },
      { add: { ...addOf('5.parquet'), deletionVector: vectorOf('m') } },
    ])
    return made
  }

  it('carries feature lists, domains and deletion vectors over, but for those that changed', async () => {
    const { table, memory } = await featured()
    await table.checkpoint()
    const { byCheckpoint, byCommits } = await both(memory, 12)
    expect(byCheckpoint).toEqual(byCommits)
    expect([...byCheckpoint.domains.keys()]).toEqual(['kept'])
    expect(byCheckpoint.protocol.writerFeatures).toEqual(['deletionVectors', 'domainMetadata'])
    const vectors = new Map(byCheckpoint.files.map(([, file]) => [file.path, file.deletionVector]))
    expect(vectors.get('5.parquet')).toEqual(vectorOf('m'))
    expect(vectors.get('11.parquet')).toEqual(vectorOf('l'))
    const tombstones = byCheckpoint.tombstones.map(([, { path: name, deletionVector }]) => [name, deletionVector])
    expect(tombstones).toHaveLength(3)
    expect(tombstones).toContainEqual(['5.parquet', vectorOf('k')])
  })

  it('carries no tombstone over that has become too old', async () => {
    const { table, memory, clock } = await featured()
    clock.time += 8 * DAY
    await table.checkpoint()
    const { byCheckpoint, byCommits } = await both(memory, 12)
    expect(byCommits.tombstones).toHaveLength(3)
    expect(byCheckpoint).toEqual({ ...byCommits, tombstones: [] })
  })

  it('holds the feature lists that came after the one before', async () => {
    const { table, memory } = await changed()
    const protocol = { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['appendOnly'] }
    await foreignCommit(memory, 11, [{ protocol }])
    await table.checkpoint()
    const { byCheckpoint, byCommits } = await both(memory, 11)
    expect(byCheckpoint).toEqual(byCommits)
    expect(byCheckpoint.protocol).toEqual(protocol)
  })

  it('reads the one before twice, first without its files, and of the commits only those after it', async () => {
    const { memory } = await changed()
    const counting = new CountingStore(memory)
    const table = await DeltaTable.open(lake().deps(counting), TABLE)
    counting.take()
    await table.checkpoint()
    const requests = counting.take()
    expect(requests.filter((request) => request === `get ${path(5)}`)).toHaveLength(2)
    const commits = requests.filter((request) => request.startsWith('get') && request.endsWith('.json'))
    expect(commits).toEqual([6, 7, 8, 9, 10].map((version) => `get ${LOG}/${versionName(version)}.json`))
  })

  it.each([
    ['cut off', (bytes: Uint8Array) => bytes.slice(0, 500)],
    // The footer is whole, so that its header may be read: the damage shows when its files are.
    [
      'damaged where its files are',
      (bytes: Uint8Array) => bytes.slice().fill(0xa5, bytes.length >> 3, bytes.length >> 1),
    ],
  ])('is built from the commits when the one before is %s', async (_, damage) => {
    const { table, memory } = await changed()
    await memory.put(path(5), damage(await memory.get(path(5))))
    await table.checkpoint()
    const { byCheckpoint, byCommits } = await both(memory, 10)
    expect(byCheckpoint).toEqual(byCommits)
  })

  it('takes the place of a damaged one of the same version', async () => {
    const { table, memory } = await changed()
    await table.checkpoint()
    const whole = await memory.get(path(10))
    await memory.put(path(10), whole.slice().fill(0xa5, whole.length >> 3, whole.length >> 1))
    await table.checkpoint()
    const { byCheckpoint, byCommits } = await both(memory, 10)
    expect(byCheckpoint).toEqual(byCommits)
  })
})
