import { describe, expect, it } from 'vitest'
import type { AddFile } from '#delta/actions.ts'
import type { ChangeRange } from '#delta/changes.ts'
import { DeltaTable, writeDataFile } from '#delta/table.ts'
import { fromRows } from '#schema/from-rows.ts'
import { encodeRows, encodeZ85 } from '../../support/roaring.ts'
import { batchOf, FIELDS, foreignCommit, type Lake, LOG, lake, putText, START, TABLE, versionName } from './fixtures.ts'

const PROTOCOL = {
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: ['deletionVectors'],
  writerFeatures: ['changeDataFeed', 'deletionVectors'],
}

const metadata = (configuration: Record<string, string>) => ({
  id: 'table',
  format: { provider: 'parquet', options: {} },
  schemaString: JSON.stringify({
    type: 'struct',
    fields: [
      { name: 'id', type: 'long', nullable: false, metadata: {} },
      { name: 'district', type: 'string', nullable: true, metadata: {} },
    ],
  }),
  partitionColumns: [],
  configuration,
})

const ON = metadata({ 'delta.enableChangeDataFeed': 'true' })
const OFF = metadata({})

const fileOf = async (world: Lake, ...ids: readonly number[]): Promise<AddFile> =>
  (await writeDataFile(world.deps(world.memory, `f${ids}`), TABLE, batchOf(ids.map((id) => [id, `d${id}`]))))!

const vector = (...rows: readonly number[]) => {
  const bytes = encodeRows(rows)
  return { storageType: 'i', pathOrInlineDv: encodeZ85(bytes), sizeInBytes: bytes.length, cardinality: rows.length }
}

const removed = ({ path, size, partitionValues, deletionVector }: AddFile) => ({
  remove: { path, size, partitionValues, dataChange: true, deletionTimestamp: START, deletionVector },
})

/** `+1@0`: row 1 came with version 0. */
async function changes(world: Lake, range: ChangeRange): Promise<string[]> {
  const signs = { insert: '+', delete: '-', update_preimage: '<', update_postimage: '>' }
  const found: string[] = []
  const table = await DeltaTable.open(world.deps(), TABLE)
  for await (const run of table.changes(range)) {
    for (const row of run) found.push(`${signs[row._change_type]}${row.id}@${row._commit_version}`)
  }
  return found
}

describe('the changes of a table', () => {
  it('are what its commits added and removed', async () => {
    const world = lake()
    const [first, second, moved] = [await fileOf(world, 1, 2), await fileOf(world, 3), await fileOf(world, 1, 2, 3)]
    await foreignCommit(world.memory, 0, [{ protocol: PROTOCOL }, { metaData: ON }, { add: first }])
    await foreignCommit(world.memory, 1, [removed(first), { add: second }])
    await foreignCommit(world.memory, 2, [{ add: { ...moved, dataChange: false } }])
    expect(await changes(world, { from: 0 })).toEqual(['+1@0', '+2@0', '-1@1', '-2@1', '+3@1'])
    expect(await changes(world, { from: 1, to: 1 })).toEqual(['-1@1', '-2@1', '+3@1'])
    expect(await changes(world, { from: 2 })).toEqual([])
  })

  it('are those of its change files where a commit has some', async () => {
    const world = lake()
    const first = await fileOf(world, 1)
    const fields = [...FIELDS, { name: '_change_type', column: { kind: 'string', nullable: false } } as const]
    const rows = [
      { id: 1, district: 'old', _change_type: 'update_preimage' },
      { id: 1, district: 'new', _change_type: 'update_postimage' },
    ]
    const { path, size } = (await writeDataFile(world.deps(world.memory, 'cdc'), TABLE, fromRows(fields, rows)))!
    await foreignCommit(world.memory, 0, [{ protocol: PROTOCOL }, { metaData: ON }, { add: first }])
    const cdc = { path, size, partitionValues: {}, dataChange: false }
    await foreignCommit(world.memory, 1, [removed(first), { add: { ...first, path: 'none.parquet' } }, { cdc }])
    expect(await changes(world, { from: 1 })).toEqual(['<1@1', '>1@1'])
    const table = await DeltaTable.open(world.deps(), TABLE)
    for await (const run of table.changes({ from: 1, columns: ['district'] })) {
      expect(run[1]).toEqual({
        district: 'new',
        _change_type: 'update_postimage',
        _commit_version: 1,
        _commit_timestamp: START + 1,
      })
    }
  })

  it('are the rows by which two deletion vectors of one file differ', async () => {
    const world = lake()
    const file = await fileOf(world, 10, 11, 12, 13)
    const some = { ...file, deletionVector: vector(0, 1) }
    const others = { ...file, deletionVector: vector(1, 2) }
    await foreignCommit(world.memory, 0, [{ protocol: PROTOCOL }, { metaData: ON }, { add: file }])
    await foreignCommit(world.memory, 1, [removed(file), { add: some }])
    await foreignCommit(world.memory, 2, [removed(some), { add: others }])
    await foreignCommit(world.memory, 3, [removed(others)])
    expect(await changes(world, { from: 1 })).toEqual(['-10@1', '-11@1', '-12@2', '+10@2', '-10@3', '-13@3'])
  })

  it('may be asked for by time', async () => {
    const world = lake()
    const files = [await fileOf(world, 0), await fileOf(world, 1), await fileOf(world, 2)]
    for (const [version, add] of files.entries()) {
      world.clock.time = START + version * 1000
      await foreignCommit(world.memory, version, [
        ...(version === 0 ? [{ protocol: PROTOCOL }, { metaData: ON }] : []),
        { add },
      ])
    }
    const at = (millis: number) => ({ timestamp: START + millis })
    expect(await changes(world, { from: at(-5) })).toEqual(['+0@0', '+1@1', '+2@2'])
    expect(await changes(world, { from: at(1000), to: at(1999) })).toEqual(['+1@1'])
    expect(await changes(world, { from: at(1), to: at(5000) })).toEqual(['+1@1', '+2@2'])
  })

  it('from before the change feed was on are DELTA_CHANGES_UNAVAILABLE', async () => {
    const world = lake()
    await foreignCommit(world.memory, 0, [{ protocol: PROTOCOL }, { metaData: OFF }])
    await foreignCommit(world.memory, 1, [{ metaData: ON }])
    await foreignCommit(world.memory, 2, [{ metaData: OFF }])
    await expect(changes(world, { from: 0, to: 1 })).rejects.toMatchObject({
      code: 'DELTA_CHANGES_UNAVAILABLE',
      message: `Can't tell the changes of ${TABLE}: expected the change feed to be on in version 0, found delta.enableChangeDataFeed off. Choose versions from when the change feed was on, or compare two snapshots.`,
    })
    expect(await changes(world, { from: 1, to: 1 })).toEqual([])
    await expect(changes(world, { from: 1 })).rejects.toMatchObject({ code: 'DELTA_CHANGES_UNAVAILABLE' })
  })

  it('of a range that ends before it begins are DELTA_VERSION_NOT_FOUND', async () => {
    const world = lake()
    await foreignCommit(world.memory, 0, [{ protocol: PROTOCOL }, { metaData: ON }])
    await foreignCommit(world.memory, 1, [])
    await expect(changes(world, { from: 1, to: 0 })).rejects.toMatchObject({
      code: 'DELTA_VERSION_NOT_FOUND',
      message: `Expected changes of ${TABLE} from a version up to a later one, found 1 to 0. Choose another range.`,
    })
    await expect(changes(world, { from: 1, to: 7 })).rejects.toMatchObject({ code: 'DELTA_VERSION_NOT_FOUND' })
  })

  it('of nothing are those of no table', async () => {
    const world = lake()
    await putText(world.memory, `${LOG}/${versionName(0)}.crc`, '{}')
    await expect(changes(world, { from: 0 })).rejects.toMatchObject({ code: 'DELTA_NOT_A_TABLE' })
  })
})
