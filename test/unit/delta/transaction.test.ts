import { describe, expect, test } from 'vitest'
import type { ChangeFile, RemoveFile } from '#delta/actions.ts'
import { NOTHING_READ } from '#delta/conflict.ts'
import { LogPaths } from '#delta/log.ts'
import { loadState } from '#delta/state.ts'
import { commitOrDiscard, commitTransaction, discardFiles, type Transaction } from '#delta/transaction.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { FaultyStore } from '../../support/faulty-store.ts'
import { addOf, commitPath, foreignCommit, lake, pathsOf, putText, START, TABLE, tableOf, textAt } from './fixtures.ts'

const PATHS = new LogPaths(TABLE)
const SAW = { files: new Set<string>(), wouldRead: () => false }
const removal = (path: string, dataChange = true): RemoveFile => ({
  path,
  dataChange,
  deletionTimestamp: START,
  size: 100,
})
const rewritten = (path: string) => ({ ...addOf(path), dataChange: false })
const changes = (path: string): ChangeFile => ({ path, partitionValues: {}, size: 1 })

/** Versions 1 to 3 add 1.parquet to 3.parquet, and take the application `app` to the same numbers. */
async function prepared() {
  const made = await tableOf(3)
  const read = await loadState(made.memory, PATHS)
  const transaction = (rest: Partial<Transaction>): Transaction => ({
    operation: 'TEST',
    parameters: { why: 'a test' },
    metrics: { n: '1' },
    read,
    reads: SAW,
    ...rest,
  })
  const commit = async (rest: Partial<Transaction>) => {
    const { version } = await commitTransaction(made.deps(), PATHS, transaction(rest))
    const lines = (await textAt(made.memory, commitPath(version))).trimEnd().split('\n')
    return { version, actions: lines.map((line) => JSON.parse(line)) }
  }
  return { ...made, read, transaction, commit }
}

describe('What a transaction writes', () => {
  test('is who, what and why, and every action', async () => {
    const { commit, read, clock } = await prepared()
    const metadata = { ...read.metadata, configuration: { owner: 'me' } }
    const { version, actions } = await commit({
      metadata,
      adds: [addOf('4.parquet')],
      removes: [removal('1.parquet')],
      changeFiles: [changes('_change_data/4.parquet')],
      txns: [
        { appId: 'app', version: 9, lastUpdated: 5 },
        { appId: 'other', version: 1 },
      ],
    })
    expect(version).toBe(4)
    expect(actions).toEqual([
      {
        commitInfo: {
          timestamp: clock.time,
          operation: 'TEST',
          operationParameters: { why: 'a test' },
          readVersion: 3,
          isolationLevel: 'WriteSerializable',
          isBlindAppend: false,
          operationMetrics: { n: '1' },
          engineInfo: expect.stringMatching(/^Sluice|sluice/),
          txnId: 'id-0000',
        },
      },
      { metaData: metadata },
      { txn: { appId: 'app', version: 9, lastUpdated: 5 } },
      { txn: { appId: 'other', version: 1, lastUpdated: clock.time } },
      { remove: removal('1.parquet') },
      { add: addOf('4.parquet') },
      { cdc: { ...changes('_change_data/4.parquet'), dataChange: false } },
    ])
  })

  test('is commitInfo alone where there is nothing else', async () => {
    const { commit } = await prepared()
    expect((await commit({})).actions).toHaveLength(1)
  })

  test.each<[string, Partial<Transaction>, boolean, string]>([
    ['new rows, nothing read', { reads: NOTHING_READ, adds: [addOf('4.parquet')] }, true, 'WriteSerializable'],
    ['nothing but a number', { reads: NOTHING_READ, txns: [{ appId: 'a', version: 1 }] }, true, 'WriteSerializable'],
    ['new rows after a look', { adds: [addOf('4.parquet')] }, false, 'WriteSerializable'],
    ['rows taken out unseen', { reads: NOTHING_READ, removes: [removal('1.parquet')] }, false, 'WriteSerializable'],
    [
      'the same rows anew',
      { adds: [rewritten('4')], removes: [removal('1.parquet', false)] },
      false,
      'SnapshotIsolation',
    ],
    [
      'old rows and new ones',
      { adds: [rewritten('4'), addOf('5')], removes: [removal('1.parquet', false)] },
      false,
      'WriteSerializable',
    ],
  ])('says how it may be ordered: %s', async (_, rest, isBlindAppend, isolationLevel) => {
    const { commit } = await prepared()
    expect((await commit(rest)).actions[0].commitInfo).toMatchObject({ isBlindAppend, isolationLevel })
  })

  test('is no blind append with other columns', async () => {
    const { commit, read } = await prepared()
    const { actions } = await commit({ reads: NOTHING_READ, metadata: read.metadata })
    expect(actions[0].commitInfo.isBlindAppend).toBe(false)
  })
})

describe('A transaction that was overtaken', () => {
  test('reads each commit of the others once, in their order', async () => {
    const { deps, memory, transaction } = await prepared()
    const counting = new CountingStore(memory)
    const store = new FaultyStore(counting)
    const others = (from: number, to: number) => async () => {
      for (let version = from; version <= to; version++)
        await foreignCommit(memory, version, [{ add: addOf(`o${version}`) }])
    }
    store.plan('create', /04\.json$/, others(4, 5)).plan('create', /06\.json$/, others(6, 8))
    const { version } = await commitTransaction(deps(store), PATHS, transaction({ removes: [removal('1.parquet')] }))
    expect(version).toBe(9)
    const reads = counting.take().filter((call) => /^get .*\.json$/.test(call))
    const times = [4, 5, 6, 7, 8].map((at) => reads.filter((call) => call.endsWith(commitPath(at))).length)
    // Once to see who won the race, or what the state is now, and once for what they did.
    expect(times).toEqual([2, 2, 2, 2, 2])
  })

  test.each([4, 5, 6])('names the commit that is the conflict: version %i', async (culprit) => {
    const { deps, memory, transaction } = await prepared()
    const store = new FaultyStore(memory)
    store.plan('create', /04\.json$/, async () => {
      for (const version of [4, 5, 6]) {
        await foreignCommit(memory, version, [
          version === culprit ? { remove: removal('1.parquet') } : { add: addOf(`o${version}`) },
        ])
      }
    })
    await expect(
      commitTransaction(deps(store), PATHS, transaction({ removes: [removal('1.parquet')] })),
    ).rejects.toMatchObject({
      code: 'DELTA_TRANSACTION_CONFLICT',
      details: { conflict: 'removedFileRemoved', version: culprit },
    })
  })

  test('and only appends reads the winner of the race, and nothing else of the others', async () => {
    const { deps, memory, transaction } = await prepared()
    const counting = new CountingStore(memory)
    const store = new FaultyStore(counting)
    store.plan('create', /04\.json$/, () => foreignCommit(memory, 4, [{ remove: removal('1.parquet') }]))
    const append = transaction({ reads: NOTHING_READ, adds: [addOf('mine')] })
    expect((await commitTransaction(deps(store), PATHS, append)).version).toBe(5)
    expect(counting.take().filter((call) => call.startsWith('get '))).toEqual([`get ${commitPath(4)}`])
  })

  test('may write rows anew beside new rows, but not beside its own files', async () => {
    const optimize = {
      adds: [rewritten('4')],
      removes: [removal('1.parquet', false)],
      reads: { ...SAW, wouldRead: () => true },
    }
    const fits = await prepared()
    await foreignCommit(fits.memory, 4, [{ add: addOf('theirs') }])
    expect((await fits.commit(optimize)).version).toBe(5)
    const changed = await prepared()
    await foreignCommit(changed.memory, 4, [{ add: addOf('theirs') }])
    await expect(changed.commit({ ...optimize, adds: [addOf('4')] })).rejects.toMatchObject({
      details: { conflict: 'rowsAdded' },
    })
    // A change of nothing but metadata changes data, for all that anybody knows.
    const empty = await prepared()
    await foreignCommit(empty.memory, 4, [{ add: addOf('theirs') }])
    await expect(empty.commit({ reads: optimize.reads })).rejects.toMatchObject({ details: { conflict: 'rowsAdded' } })
  })
})

describe('Files of a transaction', () => {
  async function withFiles() {
    const made = await prepared()
    for (const path of ['mine', 'mine too', '_change_data/mine']) await putText(made.memory, `${TABLE}/${path}`, 'x')
    const transaction = made.transaction({
      removes: [removal('1.parquet')],
      adds: [addOf('mine'), addOf('mine%20too')],
      changeFiles: [changes('_change_data/mine')],
    })
    const left = async () => (await pathsOf(made.memory, `${TABLE}/`)).filter((path) => path.includes('mine'))
    return { ...made, transaction, left }
  }

  test('are deleted after a conflict: they will never be committed', async () => {
    const { deps, memory, transaction, left } = await withFiles()
    await foreignCommit(memory, 4, [{ remove: removal('1.parquet') }])
    await expect(commitOrDiscard(deps(), PATHS, transaction)).rejects.toMatchObject({
      code: 'DELTA_TRANSACTION_CONFLICT',
    })
    expect(await left()).toEqual([])
  })

  test('stay after any other error: they may be committed', async () => {
    const { deps, memory, transaction, left } = await withFiles()
    const store = new FaultyStore(memory).plan('create', /04\.json$/, 'after').plan('create', /04\.json$/, 'before', 20)
    store.plan('get', /04\.json$/, 'before', 20)
    await expect(commitOrDiscard(deps(store), PATHS, transaction)).rejects.toMatchObject({
      code: 'DELTA_COMMIT_FAILED',
    })
    expect(await left()).toHaveLength(3)
  })

  test('stay when they were committed', async () => {
    const { deps, transaction, left } = await withFiles()
    expect((await commitOrDiscard(deps(), PATHS, transaction)).version).toBe(4)
    expect(await left()).toHaveLength(3)
  })

  test('need not be there to be deleted, and a conflict may have none', async () => {
    const { memory, deps } = lake()
    const store = new FaultyStore(memory).plan('delete', /x$/, 'before')
    await discardFiles(deps(store), PATHS, [{ path: 'x' }])
    expect(store.left).toBe(0)
    const made = await prepared()
    const watched = new CountingStore(made.memory)
    await foreignCommit(made.memory, 4, [{ remove: removal('1.parquet') }])
    const transaction = made.transaction({ removes: [removal('1.parquet')] })
    await expect(commitOrDiscard(made.deps(watched), PATHS, transaction)).rejects.toMatchObject({
      code: 'DELTA_TRANSACTION_CONFLICT',
    })
    expect(watched.take().filter((call) => call.startsWith('delete'))).toEqual([])
  })
})
