import { describe, expect, test } from 'vitest'
import type { Actions, AddFile, Metadata, RemoveFile } from '#delta/actions.ts'
import type { TableState } from '#delta/checksum.ts'
import {
  checkCommit,
  checkState,
  checkTxns,
  fitsAfter,
  type Intent,
  NOTHING_READ,
  sameMetadata,
} from '#delta/conflict.ts'
import type { StructField } from '#delta/schema-json.ts'
import { addOf } from './fixtures.ts'

const OVERTAKEN = (what: string): string =>
  `DELETE on t was made for an older version, and version 5 ${what}. Nothing was committed: do it again on the version that is there now.`

/** Read the files a and b, and removes a. */
const intent = (changes: Partial<Intent> = {}): Intent => ({
  table: 't',
  operation: 'DELETE',
  reads: { files: new Set(['a', 'b']), wouldRead: (add) => add.path === 'a2' },
  removes: new Set(['a']),
  txns: [],
  dataChange: true,
  appendsOnly: false,
  ...changes,
})
const serializable = { reads: { ...intent().reads, serializable: true } }

const removeOf = (path: string): RemoveFile => ({ path, dataChange: true })
const commit = (adds: readonly AddFile[], removes: readonly RemoveFile[] = [], blind?: boolean): Actions => ({
  commitInfo: blind === undefined ? null : { isBlindAppend: blind },
  protocol: null,
  metadata: null,
  txns: [],
  adds,
  removes,
})

const field = (name: string, nullable = true): StructField => ({ name, type: 'long', nullable, metadata: {} })
const metadata = (changes: Partial<Metadata> = {}, ...fields: readonly StructField[]): Metadata => ({
  id: 'one',
  format: { provider: 'parquet', options: {} },
  schemaString: JSON.stringify({ type: 'struct', fields: fields.length === 0 ? [field('x')] : fields }),
  partitionColumns: [],
  configuration: {},
  ...changes,
})
const state = (version: number, changes: Partial<TableState> = {}): TableState => ({
  version,
  protocol: { minReaderVersion: 1, minWriterVersion: 2 },
  metadata: metadata(),
  txns: new Map(),
  numFiles: 0,
  tableSizeBytes: 0,
  ...changes,
})

describe('What others did to the files', () => {
  test.each<[string, Intent, Actions, string, string]>([
    [
      'a file that it was to remove',
      intent(),
      commit([], [removeOf('a')]),
      'removedFileRemoved',
      'removed a, which it was to remove',
    ],
    [
      'a file whose rows it had read',
      intent(),
      commit([], [removeOf('b')]),
      'readFileRemoved',
      'removed b, whose rows it had read',
    ],
    [
      'rows that it would have read',
      intent(),
      commit([addOf('a2')]),
      'rowsAdded',
      'added a2, which may hold rows that it would have read',
    ],
    [
      'rows that it would have read, said to be no blind append',
      intent(),
      commit([addOf('a2')], [], false),
      'rowsAdded',
      'added a2, which may hold rows that it would have read',
    ],
    [
      'rows in place of others, said to be a blind append',
      intent(),
      commit([addOf('a2')], [removeOf('z')], true),
      'rowsAdded',
      'added a2, which may hold rows that it would have read',
    ],
    [
      'a blind append, which has to wait for it',
      intent(serializable),
      commit([addOf('a2')], [], true),
      'rowsAdded',
      'added a2, which may hold rows that it would have read',
    ],
    [
      'rows that were written again, which it may not see',
      intent(serializable),
      commit([{ ...addOf('a2'), dataChange: false }]),
      'rowsAdded',
      'added a2, which may hold rows that it would have read',
    ],
  ])('is a conflict: %s', (_, ours, theirs, conflict, message) => {
    const check = (): void => checkCommit(ours, 5, theirs)
    expect(check).toThrow(
      expect.objectContaining({
        code: 'DELTA_TRANSACTION_CONFLICT',
        message: OVERTAKEN(message),
        details: { table: 't', operation: 'DELETE', version: 5, conflict },
      }),
    )
  })

  test.each<[string, Intent, Actions]>([
    ['a file that it knows nothing of', intent(), commit([], [removeOf('c')])],
    ['rows that it would not have read', intent(), commit([addOf('c2')])],
    ['a blind append', intent(), commit([addOf('a2')], [], true)],
    ['rows that were only written again', intent(), commit([{ ...addOf('a2'), dataChange: false }])],
    ['new rows beside files that it wrote again', intent({ dataChange: false }), commit([addOf('a2')])],
    [
      'anything, for who read nothing',
      intent({ reads: NOTHING_READ, removes: new Set() }),
      commit([addOf('a2')], [removeOf('a')]),
    ],
  ])('is none: %s', (_, ours, theirs) => {
    expect(() => checkCommit(ours, 5, theirs)).not.toThrow()
  })

  test('is none for who would read nothing that is added', () => {
    expect(NOTHING_READ.wouldRead(addOf('x'))).toBe(false)
    expect(NOTHING_READ.files.size).toBe(0)
  })
})

describe('What others made of the table', () => {
  const changed = metadata({ configuration: { owner: 'me' } })

  test('is a conflict when its properties are others, but for an append', () => {
    const check = (appendsOnly: boolean) => () =>
      checkState(intent({ appendsOnly }), state(4), state(5, { metadata: changed }))
    expect(check(true)).not.toThrow()
    expect(check(false)).toThrow(
      expect.objectContaining({
        message: OVERTAKEN('changed the schema or the properties of the table'),
        details: { table: 't', operation: 'DELETE', version: 5, conflict: 'metadataChanged' },
      }),
    )
  })

  test('is a conflict for an append to other columns', () => {
    const dropped = metadata({}, field('y'))
    expect(() => checkState(intent({ appendsOnly: true }), state(4), state(5, { metadata: dropped }))).toThrow(
      'version 5 changed',
    )
  })

  test('is the same whatever the order of its properties, its name and its age', () => {
    const before = metadata({ configuration: { a: '1', b: '2' }, name: 'n', createdTime: 1 })
    expect(sameMetadata(before, metadata({ configuration: { b: '2', a: '1' } }))).toBe(true)
    expect(sameMetadata(before, metadata({ configuration: { a: '1', b: '3' } }))).toBe(false)
    expect(sameMetadata(metadata(), metadata({ id: 'two' }))).toBe(false)
    expect(sameMetadata(metadata(), metadata({}, field('y')))).toBe(false)
    expect(sameMetadata(metadata(), metadata({ partitionColumns: ['x'] }))).toBe(false)
  })

  test.each<[string, Metadata, Metadata, boolean]>([
    ['the same columns', metadata(), metadata({ configuration: { a: 'b' } }), true],
    ['one more that may be null', metadata(), metadata({}, field('x'), field('y')), true],
    ['one more that may not be null', metadata(), metadata({}, field('x'), field('y', false)), false],
    ['another table', metadata(), metadata({ id: 'two' }), false],
    ['other partitions', metadata(), metadata({ partitionColumns: ['x'] }), false],
    [
      'partitions whose names only look the same',
      metadata({ partitionColumns: ['a', 'b'] }),
      metadata({ partitionColumns: ['ab'] }),
      false,
    ],
  ])('takes files of before: %s', (_, before, after, fits) => {
    expect(fitsAfter(before, after)).toBe(fits)
  })
})

describe('A transaction of an application', () => {
  const at = (version: number, lastUpdated?: number) =>
    new Map([['app', { appId: 'app', version, ...(lastUpdated === undefined ? {} : { lastUpdated }) }]])

  test.each<[string, TableState['txns'], TableState['txns'], boolean]>([
    ['nobody moved', at(3, 1), at(3, 1), false],
    ['nobody has had', new Map(), new Map(), false],
    ['others moved on', at(3, 1), at(4, 1), true],
    ['others committed again at the same number', at(3, 1), at(3, 2), true],
    ['others began', new Map(), at(1), true],
  ])('that %s meanwhile', (_, before, after, conflicts) => {
    const check = (): void =>
      checkTxns('t', [{ appId: 'app', version: 9 }], state(4, { txns: before }), state(5, { txns: after }))
    if (!conflicts) expect(check).not.toThrow()
    else {
      const stored = after.get('app')!.version
      expect(check).toThrow(
        expect.objectContaining({
          code: 'DELTA_TRANSACTION_CONFLICT',
          message: `Expected to take app of t to 9, but version 5 has it at ${stored} already. Nothing was committed: read the table's state again, and commit only what is above.`,
          details: { table: 't', version: 5, appId: 'app', stored, wanted: 9, conflict: 'transactionApplied' },
        }),
      )
    }
  })
})
