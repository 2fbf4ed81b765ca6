import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { DeltaTable, directory, isSluiceError } from 'sluice/delta'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlainRow, plainRows, rowsOf } from '../support/plain-values.ts'
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
