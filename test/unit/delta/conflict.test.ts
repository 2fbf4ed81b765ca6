import { describe, expect, it } from 'vitest'
import { DeltaTable, type WriteResult } from '#delta/table.ts'
import { FaultyStore } from '../../support/faulty-store.ts'
import { foreignCommit, pathsOf, TABLE } from './fixtures.ts'
import { type ItemsTable, item, items, itemsTable, rowsIn } from './table-support.ts'

// Ours is planned on version 3 and meets, at its first attempt to commit version 4, what somebody else committed as version 4.
//
//   version   1: rows 0–9   2: rows 10–19   3: rows 20–29   4: theirs   5: ours, or its error
//
// The id says which file a row is in, so that statistics tell the files apart.

type Ours = (table: DeltaTable) => Promise<WriteResult>
type Theirs = (made: ItemsTable, other: DeltaTable) => Promise<unknown>

const once = { attempts: 1 }
const OURS: Readonly<Record<string, Ours>> = {
  append: (table) => table.append([item(100)]),
  'append with txn': (table) => table.append([item(100)], { txn: { appId: 'app', version: 7 } }),
  'delete rows 10–19': (table) => table.delete({ id: { gte: 10, lt: 20 } }, once),
  'delete row 15': (table) => table.delete({ id: 15 }, once),
  'update row 15': (table) => table.update({ id: 15 }, { amount: -1 }, once),
  'merge rows 15 and 50': (table) => table.merge([item(15, { amount: -1 }), item(50)], { on: ['id'], ...once }),
  'merge row 50': (table) => table.merge([item(50)], { on: ['id'], ...once }),
  overwrite: (table) => table.overwrite([item(1)], once),
  'overwrite rows 10–19': (table) => table.overwrite([item(11)], { where: { id: { gte: 10, lt: 20 } }, ...once }),
}

const THEIRS: Readonly<Record<string, Theirs>> = {
  'blind append of rows 15 and 50': (_, other) => other.append([item(15, { amount: 5 }), item(50, { amount: 5 })]),
  'append of row 70 that read (merge)': (_, other) => other.merge([item(70)], { on: ['id'] }),
  'append of row 50 that read (merge)': (_, other) => other.merge([item(50, { amount: 5 })], { on: ['id'] }),
  'delete of rows 20–29': (_, other) => other.delete({ id: { gte: 20, lt: 30 } }),
  'delete of row 12': (_, other) => other.delete({ id: 12 }),
  'delete of everything': (_, other) => other.overwrite([]),
  'its own txn at 7': (_, other) => other.append([item(200)], { txn: { appId: 'app', version: 7 } }),
  'its own txn at 5': (_, other) => other.append([item(200)], { txn: { appId: 'app', version: 5 } }),
  'a property': async (made, other) => {
    const { metadata } = await other.appendState()
    await foreignCommit(made.memory, 4, [{ metaData: { ...metadata, configuration: { owner: 'me' } } }])
  },
  'a dropped column': async (made, other) => {
    const { metadata } = await other.appendState()
    const schema = JSON.parse(metadata.schemaString)
    schema.fields.pop()
    await foreignCommit(made.memory, 4, [{ metaData: { ...metadata, schemaString: JSON.stringify(schema) } }])
  },
  'a feature that we have': (made) =>
    foreignCommit(made.memory, 4, [
      { protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['appendOnly', 'changeDataFeed'] } },
    ]),
  'a feature that we have not': (made) =>
    foreignCommit(made.memory, 4, [
      { protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['rowTracking'] } },
    ]),
}

const FITS = 'commits'
type Verdict = typeof FITS | 'skips' | string

/** Rows: ours. Columns, in the order of THEIRS. */
const VERDICTS: Readonly<Record<string, readonly Verdict[]>> = {
  append: [FITS, FITS, FITS, FITS, FITS, FITS, FITS, FITS, FITS, 'metadataChanged', FITS, 'feature'],
  'append with txn': [FITS, FITS, FITS, FITS, FITS, FITS, 'skips', FITS, FITS, 'metadataChanged', FITS, 'feature'],
  'delete rows 10–19': [
    ...[FITS, FITS, FITS, FITS, 'removedFileRemoved', 'removedFileRemoved', FITS, FITS],
    ...['metadataChanged', 'metadataChanged', FITS, 'feature'],
  ],
  'delete row 15': [
    ...[FITS, FITS, FITS, FITS, 'removedFileRemoved', 'removedFileRemoved', FITS, FITS],
    ...['metadataChanged', 'metadataChanged', FITS, 'feature'],
  ],
  'update row 15': [
    ...[FITS, FITS, FITS, FITS, 'removedFileRemoved', 'removedFileRemoved', FITS, FITS],
    ...['metadataChanged', 'metadataChanged', FITS, 'feature'],
  ],
  'merge rows 15 and 50': [
    ...[FITS, FITS, 'rowsAdded', FITS, 'removedFileRemoved', 'removedFileRemoved', FITS, FITS],
    ...['metadataChanged', 'metadataChanged', FITS, 'feature'],
  ],
  'merge row 50': [
    ...[FITS, FITS, 'rowsAdded', FITS, FITS, FITS, FITS, FITS],
    ...['metadataChanged', 'metadataChanged', FITS, 'feature'],
  ],
  overwrite: [
    ...[FITS, 'rowsAdded', 'rowsAdded', 'removedFileRemoved', 'removedFileRemoved', 'removedFileRemoved', FITS, FITS],
    ...['metadataChanged', 'metadataChanged', FITS, 'feature'],
  ],
  'overwrite rows 10–19': [
    ...[FITS, FITS, FITS, FITS, 'removedFileRemoved', 'removedFileRemoved', FITS, FITS],
    ...['metadataChanged', 'metadataChanged', FITS, 'feature'],
  ],
}

interface Meeting {
  readonly verdict: Verdict
  readonly version: number
  /** Data files that are there, and those that commits added. */
  readonly files: number
  readonly added: number
}

async function meet(ours: string, theirs: string): Promise<Meeting> {
  const made = await itemsTable()
  const store = new FaultyStore(made.memory)
  for (const from of [0, 10, 20]) await made.table.append(items(from, from + 10))
  const table = await DeltaTable.open(made.deps(store, 'ours'), TABLE)
  store.plan('create', /04\.json$/, async () => void (await THEIRS[theirs]!(made, await made.other())))
  const verdict = await OURS[ours]!(table).then(
    ({ committed }) => (committed ? FITS : 'skips'),
    (error: { code: string; details: { conflict?: string } }) =>
      error.code === 'DELTA_FEATURE_UNSUPPORTED' ? 'feature' : (error.details.conflict ?? String(error)),
  )
  expect(store.left).toBe(0)
  const history = await made.table.history()
  const files = (await pathsOf(made.memory, `${TABLE}/part-`)).length
  return {
    verdict,
    version: history[0]!.version,
    files,
    added: history.reduce((sum, { filesAdded }) => sum + filesAdded, 0),
  }
}

describe('an operation that was overtaken', () => {
  const pairs = Object.keys(OURS).flatMap((ours) =>
    Object.keys(THEIRS).map((theirs, at) => [ours, theirs, VERDICTS[ours]![at]!] as const),
  )

  it.each(pairs)('%s, overtaken by %s: %s', async (ours, theirs, expected) => {
    const { verdict, version } = await meet(ours, theirs)
    expect(verdict).toBe(expected)
    expect(version).toBe(expected === FITS ? 5 : 4)
  })

  it('says what happened, and that nothing was committed', async () => {
    const made = await itemsTable()
    await made.table.append(items(0, 10))
    const store = new FaultyStore(made.memory)
    const table = await DeltaTable.open(made.deps(store, 'ours'), TABLE)
    store.plan('create', /02\.json$/, async () => void (await (await made.other()).delete({ id: 3 })))
    const [file] = (await table.snapshot()).files
    await expect(table.update({ id: 4 }, { amount: 0 }, once)).rejects.toMatchObject({
      code: 'DELTA_TRANSACTION_CONFLICT',
      message: `UPDATE on ${TABLE} was made for an older version, and version 2 removed ${file?.path}, which it was to remove. Nothing was committed: do it again on the version that is there now.`,
      details: { operation: 'UPDATE', version: 2, conflict: 'removedFileRemoved' },
    })
    expect(await rowsIn(made.table)).toEqual(items(0, 10).filter(({ id }) => id !== 3))
  })

  it('leaves no files behind', async () => {
    for (const ours of ['update row 15', 'merge row 50', 'overwrite', 'append with txn', 'append']) {
      const theirs = ours.startsWith('append') ? 'a dropped column' : 'append of row 50 that read (merge)'
      const { files, added } = await meet(ours, theirs)
      expect([ours, files]).toEqual([ours, added])
    }
  })

  it('is planned anew on what is there then, unless it may not be', async () => {
    const made = await itemsTable()
    await made.table.append(items(0, 10))
    const store = new FaultyStore(made.memory)
    const table = await DeltaTable.open(made.deps(store, 'ours'), TABLE)
    store.plan('create', /02\.json$/, async () => void (await (await made.other()).delete({ id: 3 })))
    expect(await table.update({ id: { lte: 4 } }, { amount: 0 })).toMatchObject({
      version: 3,
      metrics: { numUpdatedRows: 4, numCopiedRows: 5 },
    })
    expect(await rowsIn(made.table)).toEqual(
      items(0, 10).flatMap((row) => (row.id === 3 ? [] : [row.id < 3 || row.id === 4 ? { ...row, amount: 0 } : row])),
    )
  })
})
