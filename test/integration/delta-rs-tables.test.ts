import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { DeltaTable, directory, isSluiceError, s3 } from 'sluice/delta'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readByDeltaRs } from '../support/delta-rs.ts'
import { SHARED, writeTogether } from '../support/many-writers.ts'
import { type PlainRow, plainRows, rowsOf } from '../support/plain-values.ts'
import { newBucket, S3_ENDPOINT } from '../support/s3-bucket.ts'
import { createTemporaryFolder } from '../support/temp.ts'

/** Python with deltalake and pyarrow. */
const PYTHON = process.env['READERS_PYTHON']
const PROGRAM = fileURLToPath(new URL('../support/delta_rs_tables.py', import.meta.url))
const TABLES = ['types', 'changed', 'restored', 'partitions', 'local_times', 'feed', 'constraints'] as const

let folder: ReturnType<typeof createTemporaryFolder>
let found: Readonly<Record<string, readonly PlainRow[]>>

describe.skipIf(PYTHON === undefined)('A table that delta-rs wrote (READERS_PYTHON)', () => {
  beforeAll(async () => {
    folder = createTemporaryFolder()
    const { stdout } = await promisify(execFile)(PYTHON!, [PROGRAM, folder.path], { maxBuffer: 64_000_000 })
    found = JSON.parse(stdout)
  })
  afterAll(() => folder[Symbol.dispose]())

  it.each(TABLES)('has equal rows, read by it and by us: %s', async (name) => {
    const table = await DeltaTable.open(directory(folder.path), name)
    expect(found[name]!.length).toBeGreaterThan(2)
    expect(await plainRows(table)).toEqual(found[name])
  })

  it.each(TABLES)('takes rows of ours, or refuses them by name: %s', async (name) => {
    const table = await DeltaTable.open(directory(folder.path), name)
    const [first] = await rowsOf(table)
    const appended = await table.append([{ ...first, id: 9_000 }]).catch((error: unknown) => error)
    if (name === 'constraints') expect(isSluiceError(appended, 'DELTA_FEATURE_UNSUPPORTED')).toBe(true)
    else expect(await rowsOf(table)).toHaveLength(found[name]!.length + 1)
  })

  it('has its changes read by us', async () => {
    const table = await DeltaTable.open(directory(folder.path), 'feed')
    const changes: unknown[] = []
    for await (const rows of table.changes({ from: 1, to: 2 })) {
      changes.push(...rows.map((row) => `${row._commit_version} ${row._change_type} ${row['id']} ${row['v']}`))
    }
    const updates = [0, 1, 2].flatMap((id) => [`1 update_postimage ${id} set`, `1 update_preimage ${id} v`])
    expect(changes.sort()).toEqual([...updates, '2 delete 7 v'].sort())
  })
})

describe.skipIf(PYTHON === undefined || S3_ENDPOINT === undefined)('delta-rs (READERS_PYTHON) on an S3 service', () => {
  it('appends and merges beside all that we do, and nothing is lost or doubled', async () => {
    const bucket = await newBucket()
    const table = await DeltaTable.create(await s3(bucket), 'shared', { schema: SHARED })
    const place = `s3://${bucket}/shared`
    const wanted = [...(await writeTogether(table, { deltaRs: PYTHON!, place }))].sort(([a], [b]) => a - b)
    expect((await plainRows(table)).map(({ id, name }) => [id, name])).toEqual(wanted)
    expect([...(await readByDeltaRs(PYTHON!, place))].sort(([a], [b]) => a - b)).toEqual(wanted)
    const versions = (await table.history()).map(({ version }) => version)
    expect(versions).toEqual([...versions.keys()].reverse())
  })
})
