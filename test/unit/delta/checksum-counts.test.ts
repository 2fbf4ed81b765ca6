import { describe, expect, test } from 'vitest'
import type { Actions, AddFile, RemoveFile } from '#delta/actions.ts'
import { decodeChecksum, encodeChecksum, foldCommit, foldCounts, type TableState } from '#delta/checksum.ts'
import { addOf } from './fixtures.ts'

const STATE: TableState = {
  version: 7,
  protocol: { minReaderVersion: 1, minWriterVersion: 2 },
  metadata: {
    id: 'x',
    format: { provider: 'parquet', options: {} },
    schemaString: '{}',
    partitionColumns: [],
    configuration: {},
  },
  txns: new Map([['app', { appId: 'app', version: 3 }]]),
  numFiles: 2,
  tableSizeBytes: 200,
}
const actions = (rest: Partial<Actions>): Actions => ({
  commitInfo: null,
  protocol: null,
  metadata: null,
  txns: [],
  adds: [],
  removes: [],
  ...rest,
})
const bytesOf = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json))
const jsonOf = (state: TableState, txnId?: string) =>
  JSON.parse(new TextDecoder().decode(encodeChecksum(state, txnId)!))

describe('A checksum', () => {
  test('is what the protocol asks for, and comes back as the state that it was', () => {
    const json = jsonOf(STATE, 'id-1')
    expect(json).toEqual({
      txnId: 'id-1',
      tableSizeBytes: 200,
      numFiles: 2,
      numMetadata: 1,
      numProtocol: 1,
      setTransactions: [{ appId: 'app', version: 3 }],
      metadata: STATE.metadata,
      protocol: STATE.protocol,
    })
    expect(decodeChecksum(bytesOf(json), 7, 'x.crc')).toEqual(STATE)
  })

  test('names no transaction where there is none, and knows an empty table', () => {
    expect(jsonOf(STATE)).not.toHaveProperty('txnId')
    const empty = { ...STATE, numFiles: 0, tableSizeBytes: 0 }
    expect(decodeChecksum(encodeChecksum(empty, undefined)!, 7, 'x.crc')).toEqual(empty)
  })

  test.each([{ numFiles: null }, { tableSizeBytes: null }])('is not written with %j: it must be right', (unknown) => {
    expect(encodeChecksum({ ...STATE, ...unknown }, 'id')).toBeNull()
  })

  test.each<[string, object]>([
    ['transactions', { setTransactions: undefined }],
    ['a list of transactions', { setTransactions: {} }],
    ['whole transactions', { setTransactions: [{ appId: 'app' }] }],
    ['a count of files', { numFiles: undefined }],
    ['a count of files that is one', { numFiles: -1 }],
    ['a whole count of files', { numFiles: 1.5 }],
    ['bytes', { tableSizeBytes: undefined }],
    ['bytes that are a number', { tableSizeBytes: '200' }],
    ['a protocol', { protocol: undefined }],
    ['metadata', { metadata: { id: 'x' } }],
  ])('says nothing without %s', (_, changes) => {
    expect(decodeChecksum(bytesOf({ ...jsonOf(STATE), ...changes }), 7, 'x.crc')).toBeUndefined()
  })

  test.each(['', '{', '[]', '5'])('is none when it is %j', (text) => {
    expect(decodeChecksum(new TextEncoder().encode(text), 7, 'x.crc')).toBeUndefined()
  })
})

describe('The state after one more commit', () => {
  test('is of the next version, with what the commit brought in place of what there was', () => {
    const protocol = { minReaderVersion: 1, minWriterVersion: 4 }
    const metadata = { ...STATE.metadata, id: 'y' }
    const txns = [
      { appId: 'app', version: 4 },
      { appId: 'new', version: 1 },
    ]
    expect(foldCommit(STATE, actions({ protocol, metadata, txns, adds: [addOf('3')] }))).toEqual({
      version: 8,
      protocol,
      metadata,
      txns: new Map(txns.map((txn) => [txn.appId, txn])),
      numFiles: 3,
      tableSizeBytes: 300,
    })
    expect(STATE.txns.get('app')?.version).toBe(3)
  })

  test('keeps what the commit says nothing of', () => {
    expect(foldCommit(STATE, actions({}))).toEqual({ ...STATE, version: 8 })
  })
})

describe('The counts after one more commit', () => {
  const UNKNOWN = { numFiles: null, tableSizeBytes: null }
  const removal = (size?: number): RemoveFile => ({
    path: 'x',
    dataChange: true,
    ...(size === undefined ? {} : { size }),
  })
  const again: AddFile = { ...addOf('x'), dataChange: false }

  test.each<[string, { adds?: readonly AddFile[]; removes?: readonly RemoveFile[] }, object]>([
    ['an added file', { adds: [addOf('x')] }, { numFiles: 3, tableSizeBytes: 300 }],
    ['a removed file', { removes: [removal(50)] }, { numFiles: 1, tableSizeBytes: 150 }],
    ['files written anew', { adds: [again], removes: [removal(50)] }, { numFiles: 2, tableSizeBytes: 250 }],
    ['the last file removed', { removes: [removal(100), removal(100)] }, { numFiles: 0, tableSizeBytes: 0 }],
    ['a removed file of no known size', { removes: [removal()] }, UNKNOWN],
    ['a file that may be there already', { adds: [addOf('y'), again] }, UNKNOWN],
    ['more files removed than there were', { removes: [removal(1), removal(1), removal(1)] }, UNKNOWN],
    ['more bytes removed than there were', { removes: [removal(201)] }, UNKNOWN],
  ])('%s', (_, { adds = [], removes = [] }, expected) => {
    expect(foldCounts(STATE, { adds, removes })).toEqual(expected)
  })

  test.each([{ numFiles: null }, { tableSizeBytes: null }])('stay unknown after %j', (unknown) => {
    expect(foldCounts({ ...STATE, ...unknown }, { adds: [addOf('x')], removes: [] })).toEqual(UNKNOWN)
  })
})
