import { describe, expect, it } from 'vitest'
import { DeltaTable } from '#delta/table.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { FaultyStore } from '../../support/faulty-store.ts'
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
  textAt,
  versionName,
} from './fixtures.ts'

const crc = (version: number): string => `${LOG}/${versionName(version)}.crc`

describe('a version checksum', () => {
  it('is left by every commit, and always right', async () => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    for (let i = 1; i <= 5; i++) await append(table, `${i}.parquet`, [`app/${i % 2}`, i])
    for (let version = 0; version <= 5; version++) {
      const checksum = JSON.parse(await textAt(memory, crc(version)))
      const snapshot = await table.snapshot({ version })
      expect(checksum).toMatchObject({ numFiles: snapshot.files.length, tableSizeBytes: snapshot.totalBytes })
      expect(checksum.metadata).toEqual(snapshot.metadata)
      expect(checksum.protocol).toEqual(snapshot.protocol)
      const txns = checksum.setTransactions.map((txn: { appId: string; version: number }) => [txn.appId, txn.version])
      expect(new Map(txns)).toEqual(snapshot.txns)
    }
  })

  it('is never overwritten', async () => {
    const { deps, memory } = lake()
    const store = new FaultyStore(memory)
    const table = await createTable(deps(store))
    // Somebody else looks after our commit, and is faster.
    store.plan('create', /1\.crc$/, () => putText(memory, crc(1), '{"theirs":true}'))
    await append(table, '1.parquet')
    expect(store.left).toBe(0)
    expect(await textAt(memory, crc(1))).toBe('{"theirs":true}')
  })

  it('that is missing is made up for by folding the commits since the last one', async () => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    for (let i = 1; i <= 3; i++) await append(table, `${i}.parquet`, ['app', i])
    const removed = { path: '2.parquet', dataChange: true, deletionTimestamp: START, size: 100 }
    await foreignCommit(memory, 4, [{ remove: removed }, { add: { ...addOf('4.parquet'), size: 40 } }])
    await foreignCommit(memory, 5, [
      { add: { ...addOf('5.parquet'), size: 5 } },
      { txn: { appId: 'spark', version: 8 } },
    ])
    const counting = new CountingStore(memory)
    const next = await DeltaTable.open(deps(counting, 'next'), TABLE)
    counting.take()
    const state = await next.appendState()
    expect(counting.take()).toEqual([
      `list ${LOG}/`,
      `get ${crc(3)}`,
      `get ${LOG}/${versionName(4)}.json`,
      `get ${LOG}/${versionName(5)}.json`,
    ])
    expect(state).toMatchObject({ version: 5, numFiles: 4, totalBytes: 245 })
    expect(state.txns).toEqual(
      new Map([
        ['app', 3],
        ['spark', 8],
      ]),
    )
    await append(next, '6.parquet')
    expect(JSON.parse(await textAt(memory, crc(6)))).toMatchObject({ numFiles: 5, tableSizeBytes: 345 })
    expect((await next.snapshot()).files).toHaveLength(5)
  })

  it.each([
    ['a remove that does not say its size', [{ remove: { path: '1.parquet', dataChange: true } }], 1],
    ['files that are named again without a change', [{ add: { ...addOf('1.parquet'), dataChange: false } }], 2],
  ])('is counted anew after %s', async (_, actions, files) => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    await append(table, '1.parquet')
    await append(table, '2.parquet', ['app', 4])
    await foreignCommit(memory, 3, actions)
    expect(await table.appendState()).toMatchObject({ version: 3, numFiles: files, totalBytes: files * 100 })
    await append(table, '4.parquet')
    expect(JSON.parse(await textAt(memory, crc(4)))).toMatchObject({ numFiles: files + 1 })
  })

  it.each([
    ['empty', ''],
    ['not JSON', '{"numFiles":'],
    ['without transactions, which are optional', '{"numFiles":1,"tableSizeBytes":1,"metadata":{},"protocol":{}}'],
    [
      'without metadata',
      '{"numFiles":1,"tableSizeBytes":1,"setTransactions":[],"protocol":{"minReaderVersion":1,"minWriterVersion":2}}',
    ],
    ['of negative counts', '{"numFiles":-1,"tableSizeBytes":1,"setTransactions":[]}'],
  ])('that is %s is not believed', async (_, text) => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    await append(table, '1.parquet', ['app', 1])
    await putText(memory, crc(1), text)
    const next = await DeltaTable.open(deps(memory, 'next'), TABLE)
    expect(await next.appendState()).toMatchObject({ version: 1, numFiles: 1, txns: new Map([['app', 1]]) })
  })

  it('is not needed: without any the log is replayed, from a checkpoint where there is one', async () => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    for (let i = 1; i <= 4; i++) {
      await append(table, `${i}.parquet`, ['app', i])
      if (i === 3) await table.checkpoint()
    }
    for (let version = 0; version <= 4; version++) await memory.delete(crc(version))
    for (let version = 0; version <= 3; version++) await memory.delete(`${LOG}/${versionName(version)}.json`)
    const next = await DeltaTable.open(deps(memory, 'next'), TABLE)
    expect(await next.appendState()).toMatchObject({ version: 4, numFiles: 4, txns: new Map([['app', 4]]) })
    expect(await append(next, '5.parquet', ['app', 5])).toBe(5)
  })

  it('sees a table that was deleted and made again', async () => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    for (let i = 1; i <= 3; i++) await append(table, `${i}.parquet`, ['app', i])
    for await (const { path } of memory.list(TABLE)) await memory.delete(path)
    await expect(table.appendState()).rejects.toMatchObject({ code: 'DELTA_NOT_A_TABLE' })
    await createTable(deps(memory, 'again'))
    expect(await table.appendState()).toMatchObject({ version: 0, numFiles: 0, txns: new Map() })
  })
})
