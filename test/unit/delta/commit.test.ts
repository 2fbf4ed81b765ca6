import fc from 'fast-check'
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
  pathsOf,
  START,
  TABLE,
  textAt,
  versionName,
} from './fixtures.ts'

const COMMIT_1 = /0001\.json$/
const ANY_COMMIT = /\d\.json$/

describe('a commit', () => {
  it('is one file with commitInfo first, then transactions, then adds, an action a line', async () => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    const { version } = await table.commit({
      readVersion: 0,
      adds: [addOf('a.parquet', 3), addOf('b%20c.parquet', 4)],
      txns: [{ appId: 'sluice/crimes/0', version: 41 }],
      operation: 'STREAMING UPDATE',
      parameters: { epochId: '7' },
    })
    expect(version).toBe(1)
    const lines = (await textAt(memory, `${LOG}/${versionName(1)}.json`)).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        commitInfo: {
          timestamp: START,
          operation: 'STREAMING UPDATE',
          operationParameters: { epochId: '7' },
          readVersion: 0,
          isolationLevel: 'WriteSerializable',
          isBlindAppend: true,
          operationMetrics: { numFiles: '2', numOutputRows: '7', numOutputBytes: '200' },
          engineInfo: 'sluice',
          txnId: 'id-0002',
        },
      },
      { txn: { appId: 'sluice/crimes/0', version: 41, lastUpdated: START } },
      { add: addOf('a.parquet', 3) },
      { add: addOf('b%20c.parquet', 4) },
    ])
  })

  it('costs five requests with its data file, however many versions there are', async () => {
    const { deps, memory } = lake()
    const writer = await createTable(deps())
    for (let i = 0; i < 40; i++) await append(writer, `${i}.parquet`)
    const counting = new CountingStore(memory)
    const table = await DeltaTable.open(deps(counting, 'other'), TABLE)
    await append(table, 'first.parquet')
    counting.take()
    await append(writer, 'somebody-else.parquet')
    const { version } = await table.appendState()
    await table.commit({ readVersion: version, adds: [addOf('warm.parquet')], txns: [] })
    expect(counting.take()).toEqual([
      `list ${LOG}/`,
      `get ${LOG}/${versionName(42)}.crc`,
      `create ${LOG}/${versionName(43)}.json`,
      `create ${LOG}/${versionName(43)}.crc`,
    ])
    await append(table, 'alone.parquet')
    expect(counting.take()).toEqual([
      `list ${LOG}/`,
      `create ${LOG}/${versionName(44)}.json`,
      `create ${LOG}/${versionName(44)}.crc`,
    ])
  })

  it('asks for the hint to where the log ends when the table is opened, and never again', async () => {
    const { deps, memory } = lake()
    const writer = await createTable(deps())
    for (let i = 0; i < 12; i++) await append(writer, `${i}.parquet`)
    await writer.checkpoint()
    const counting = new CountingStore(memory)
    const table = await DeltaTable.open(deps(counting, 'other'), TABLE)
    expect(counting.take()).toEqual([`get ${LOG}/_last_checkpoint`, `list ${LOG}/`])
    await append(table, 'cold.parquet')
    expect(counting.take().map((request) => request.split(' ')[0])).toEqual(['list', 'get', 'create', 'create'])
  })

  it('after a lost race jumps to the version after the latest one', async () => {
    const { deps, memory, clock } = lake()
    const table = await createTable(deps())
    const other = await DeltaTable.open(deps(memory, 'other'), TABLE)
    const counting = new CountingStore(memory)
    const late = await DeltaTable.open(deps(counting, 'late'), TABLE)
    const { version } = await late.appendState()
    for (let i = 0; i < 7; i++) await append(other, `${i}.parquet`)
    counting.take()
    expect(await late.commit({ readVersion: version, adds: [addOf('mine')], txns: [] })).toEqual({ version: 8 })
    expect(counting.take().filter((request) => request.startsWith('create'))).toEqual([
      `create ${LOG}/${versionName(1)}.json`,
      `create ${LOG}/${versionName(8)}.json`,
      `create ${LOG}/${versionName(8)}.crc`,
    ])
    expect(clock.sleeps.length).toBe(1)
    expect((await table.snapshot()).files).toHaveLength(8)
  })

  it('that loses to one other commit folds it without asking for its checksum', async () => {
    const { deps, memory } = lake()
    await createTable(deps())
    const counting = new CountingStore(memory)
    const table = await DeltaTable.open(deps(counting, 'late'), TABLE)
    const { version } = await table.appendState()
    await append(await DeltaTable.open(deps(memory, 'other'), TABLE), 'theirs')
    counting.take()
    await table.commit({ readVersion: version, adds: [addOf('mine')], txns: [] })
    expect(counting.take().map((request) => request.split(' ')[0])).toEqual([
      'create',
      'get',
      'list',
      'create',
      'create',
    ])
    expect(JSON.parse(await textAt(memory, `${LOG}/${versionName(2)}.crc`))).toMatchObject({ numFiles: 2 })
  })
})

describe('a commit whose outcome is in doubt', () => {
  const cases = [
    ['its answer is lost', 'after'],
    ['the retry meets its own object', 'false'],
  ] as const

  it.each(cases)('knows its own file again when %s', async (_, fault) => {
    const { deps, memory } = lake()
    await createTable(deps())
    const store = new FaultyStore(memory)
    const table = await DeltaTable.open(deps(store, 'mine'), TABLE)
    store.plan('create', COMMIT_1, fault)
    expect(await append(table, 'mine.parquet', ['app', 5])).toBe(1)
    expect(store.left).toBe(0)
    expect((await pathsOf(memory, `${LOG}/`)).filter((name) => ANY_COMMIT.test(name))).toHaveLength(2)
    const snapshot = await table.snapshot()
    expect(snapshot.files.map(({ path }) => path)).toEqual(['mine.parquet'])
    expect(snapshot.txns).toEqual(new Map([['app', 5]]))
  })

  it('tries the same version again after a fault that wrote nothing (409, 503)', async () => {
    const { deps, memory, clock } = lake()
    await createTable(deps())
    const store = new FaultyStore(memory).plan('create', COMMIT_1, 'before', 3)
    const table = await DeltaTable.open(deps(store, 'mine'), TABLE)
    expect(await append(table, 'mine.parquet')).toBe(1)
    expect(store.left).toBe(0)
    expect(clock.sleeps).toHaveLength(3)
  })

  it('bears faults while it reads back', async () => {
    const { deps, memory } = lake()
    await createTable(deps())
    const store = new FaultyStore(memory).plan('create', COMMIT_1, 'after').plan('get', COMMIT_1, 'before', 2)
    const table = await DeltaTable.open(deps(store, 'mine'), TABLE)
    expect(await append(table, 'mine.parquet')).toBe(1)
    expect(store.left).toBe(0)
    expect((await table.snapshot()).files).toHaveLength(1)
  })

  it('sees that somebody else has the version when its own fault wrote nothing', async () => {
    const { deps, memory } = lake()
    await createTable(deps())
    const other = await DeltaTable.open(deps(memory, 'other'), TABLE)
    const store = new FaultyStore(memory)
      .plan('create', COMMIT_1, async () => void (await append(other, 'theirs.parquet')))
      .plan('create', COMMIT_1, 'before')
    const table = await DeltaTable.open(deps(store, 'mine'), TABLE)
    expect(await append(table, 'mine.parquet')).toBe(2)
    expect((await table.snapshot()).files.map(({ path }) => path)).toEqual(['theirs.parquet', 'mine.parquet'])
  })

  it('gives up with DELTA_COMMIT_FAILED, which says that it may be in', async () => {
    const { deps, memory } = lake()
    await createTable(deps())
    const store = new FaultyStore(memory).plan('create', COMMIT_1, 'before', 99)
    const table = await DeltaTable.open(deps(store, 'mine'), TABLE)
    await expect(append(table, 'mine.parquet')).rejects.toMatchObject({
      code: 'DELTA_COMMIT_FAILED',
      retryable: true,
      message: `Expected an answer from memory://store about commit ${LOG}/${versionName(1)}.json, found 11 faults in a row. It may or may not be committed (txnId mine-0000): read the table's transactions again before trying again.`,
    })
  })

  it('does not try again what will fail again', async () => {
    const { deps, memory } = lake()
    await createTable(deps())
    const full = new FaultyStore(memory).plan('create', COMMIT_1, async () => {
      throw Object.assign(new Error('disk full'), { code: 'DISK_FULL' })
    })
    const table = await DeltaTable.open(deps(full, 'mine'), TABLE)
    await expect(append(table, 'mine.parquet')).rejects.toThrow('disk full')
    expect(await append(table, 'mine.parquet')).toBe(1)
  })

  it('is committed even when its checksum can not be written, and the next append heals that', async () => {
    const { deps, memory } = lake()
    await createTable(deps())
    const store = new FaultyStore(memory).plan('create', /\.crc$/, 'before')
    const table = await DeltaTable.open(deps(store, 'mine'), TABLE)
    await append(table, '1.parquet', ['app', 1])
    expect(store.left).toBe(0)
    await append(await DeltaTable.open(deps(memory, 'next'), TABLE), '2.parquet')
    expect((await pathsOf(memory, `${LOG}/`)).filter((name) => name.endsWith('.crc'))).toEqual([
      `${versionName(0)}.crc`,
      `${versionName(2)}.crc`,
    ])
    expect(JSON.parse(await textAt(memory, `${LOG}/${versionName(2)}.crc`))).toMatchObject({
      numFiles: 2,
      setTransactions: [{ appId: 'app', version: 1 }],
    })
  })
})

describe('transactions', () => {
  it('refuse a commit of what is in already, before anything is written', async () => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    await append(table, '1.parquet', ['sluice/crimes/0', 41])
    const counting = new CountingStore(memory)
    const again = await DeltaTable.open(deps(counting, 'again'), TABLE)
    for (const version of [41, 40]) {
      await expect(append(again, '1-again.parquet', ['sluice/crimes/0', version])).rejects.toMatchObject({
        code: 'DELTA_TRANSACTION_CONFLICT',
        message: `Expected to take sluice/crimes/0 of ${TABLE} to ${version}, but version 1 has it at 41 already. Nothing was committed: read the table's state again, and commit only what is above.`,
        details: { appId: 'sluice/crimes/0', stored: 41, wanted: version },
      })
    }
    expect(counting.take().filter((request) => request.startsWith('create'))).toEqual([])
    expect((await table.snapshot()).files).toHaveLength(1)
  })

  it('refuse a commit whose application moved on since the caller read', async () => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    const { version } = await table.appendState()
    await append(await DeltaTable.open(deps(memory, 'other'), TABLE), 'theirs.parquet', ['app', 7])
    await expect(
      table.commit({ readVersion: version, adds: [addOf('mine.parquet')], txns: [{ appId: 'app', version: 9 }] }),
    ).rejects.toMatchObject({ code: 'DELTA_TRANSACTION_CONFLICT', details: { stored: 7, wanted: 9, version: 1 } })
    expect((await table.appendState()).txns).toEqual(new Map([['app', 7]]))
    expect(await append(table, 'mine.parquet', ['app', 9])).toBe(2)
  })

  it('of other applications do not stand in the way', async () => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    await append(table, '1.parquet', ['app', 1])
    const { version } = await table.appendState()
    await append(await DeltaTable.open(deps(memory, 'other'), TABLE), 'theirs.parquet', ['other', 7])
    const mine = { readVersion: version, adds: [addOf('mine.parquet')], txns: [{ appId: 'app', version: 2 }] }
    expect(await table.commit(mine)).toEqual({ version: 3 })
    expect((await table.snapshot()).txns).toEqual(
      new Map([
        ['app', 2],
        ['other', 7],
      ]),
    )
  })

  it('are checked against the state that the caller read, though this handle has seen a later one', async () => {
    const { deps } = lake()
    const table = await createTable(deps())
    const { version } = await table.appendState()
    await append(table, 'theirs.parquet', ['app', 7])
    await table.appendState()
    await expect(
      table.commit({ readVersion: version, adds: [addOf('mine.parquet')], txns: [{ appId: 'app', version: 9 }] }),
    ).rejects.toMatchObject({ code: 'DELTA_TRANSACTION_CONFLICT' })
  })

  it('conflict with a commit that changed the metadata', async () => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    const { version, metadata } = await table.appendState()
    await foreignCommit(memory, 1, [{ metaData: { ...metadata, configuration: { 'delta.appendOnly': 'true' } } }])
    await expect(table.commit({ readVersion: version, adds: [addOf('mine')], txns: [] })).rejects.toMatchObject({
      code: 'DELTA_TRANSACTION_CONFLICT',
      message: `Somebody changed the schema or the properties of ${TABLE} between version 0 and 1. Nothing was committed: read the table's state again, and see that the files still fit.`,
    })
    expect(await append(table, 'mine')).toBe(2)
  })

  it('stop at a commit that made the table need a feature that we do not write', async () => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    const { version } = await table.appendState()
    await foreignCommit(memory, 1, [
      { protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['rowTracking'] } },
    ])
    await expect(table.commit({ readVersion: version, adds: [addOf('mine')], txns: [] })).rejects.toMatchObject({
      code: 'DELTA_FEATURE_UNSUPPORTED',
      details: { features: ['rowTracking'] },
    })
  })
})

describe('many writers', () => {
  it('lose no commit and leave no gap, 32 at once', async () => {
    const { deps, memory } = lake()
    await createTable(deps())
    const versions = await Promise.all(
      Array.from({ length: 32 }, async (_, writer) =>
        append(await DeltaTable.open(deps(memory, `writer-${writer}`), TABLE), `${writer}.parquet`, [
          `app/${writer}`,
          writer,
        ]),
      ),
    )
    expect([...versions].sort((a, b) => a - b)).toEqual(Array.from({ length: 32 }, (_, at) => at + 1))
    const snapshot = await (await DeltaTable.open(deps(), TABLE)).snapshot()
    expect(new Set(snapshot.files.map(({ path }) => path)).size).toBe(32)
    expect(snapshot.txns.size).toBe(32)
    expect(JSON.parse(await textAt(memory, `${LOG}/${versionName(32)}.crc`))).toMatchObject({
      numFiles: 32,
      tableSizeBytes: 3200,
    })
  })

  it('that fight over one application apply each of its versions once', async () => {
    const { deps, memory } = lake()
    await createTable(deps())
    // Two committers that both believe they are the one: each tries to put in offsets 0 … 19, one file an offset.
    const committer = async (name: string): Promise<void> => {
      const table = await DeltaTable.open(deps(memory, name), TABLE)
      for (;;) {
        const { version, txns } = await table.appendState()
        const next = (txns.get('app') ?? -1) + 1
        if (next === 20) return
        const txn = { appId: 'app', version: next }
        await table
          .commit({ readVersion: version, adds: [addOf(`offset-${next}.parquet`)], txns: [txn] })
          .catch((error) => {
            if (error.code !== 'DELTA_TRANSACTION_CONFLICT') throw error
          })
      }
    }
    await Promise.all([committer('one'), committer('two'), committer('three')])
    const table = await DeltaTable.open(deps(), TABLE)
    const snapshot = await table.snapshot()
    expect(snapshot.version).toBe(20)
    expect(snapshot.files.map(({ path }) => path)).toEqual(
      Array.from({ length: 20 }, (_, at) => `offset-${at}.parquet`),
    )
  })

  it('lose and double nothing under any mix of faults', async () => {
    const fault = fc.record({
      call: fc.constantFrom('create', 'get', 'list'),
      fault: fc.constantFrom('before', 'after', 'false'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fault, { maxLength: 6 }), { minLength: 2, maxLength: 4 }), async (plans) => {
        const { deps, memory } = lake()
        await createTable(deps())
        await Promise.all(
          plans.map(async (plan, writer) => {
            const store = new FaultyStore(memory)
            for (const { call, fault } of plan) {
              // Reads are not retried by the table but by its store: they may only fail while a commit reads back.
              if (call === 'create') store.plan('create', /_delta_log/, fault as 'before')
              else if (call === 'get') store.plan('get', /\d\.json$/, 'before')
            }
            const table = await DeltaTable.open(deps(memory, `setup-${writer}`), TABLE)
            const { version } = await table.appendState()
            const faulty = await DeltaTable.open(deps(store, `writer-${writer}`), TABLE)
            const adds = [addOf(`${writer}.parquet`)]
            await faulty.commit({ readVersion: version, adds, txns: [{ appId: `app/${writer}`, version: 1 }] })
          }),
        )
        const snapshot = await (await DeltaTable.open(deps(), TABLE)).snapshot()
        expect(snapshot.version).toBe(plans.length)
        expect(snapshot.files.map(({ path }) => path).sort()).toEqual(plans.map((_, writer) => `${writer}.parquet`))
        expect(snapshot.txns.size).toBe(plans.length)
      }),
      { numRuns: 60 },
    )
  })
})
