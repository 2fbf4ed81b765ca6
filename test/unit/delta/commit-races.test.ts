import { describe, expect, it } from 'vitest'
import { Crowd } from '#delta/commit.ts'
import { DeltaTable } from '#delta/table.ts'
import { FaultyStore } from '../../support/faulty-store.ts'
import { addOf, append, createTable, LOG, lake, pathsOf, TABLE, versionName } from './fixtures.ts'

const COMMIT_1 = /0001\.json$/
const ANY_COMMIT = /\d\.json$/

describe('a store that does what none should', () => {
  it.each([
    ['lags behind in its LIST', { hides: 1 } as const],
    ['lags far behind', { hides: 9 } as const],
  ])('costs races, never a commit: one that %s', async (_, fault) => {
    const { deps, memory } = lake()
    const writer = await createTable(deps())
    const store = new FaultyStore(memory)
    const late = await DeltaTable.open(deps(store, 'late'), TABLE)
    const { version } = await late.appendState()
    for (let i = 0; i < 5; i++) await append(writer, `${i}.parquet`)
    store.plan('list', /_delta_log/, fault, 3)
    expect(await late.commit({ readVersion: version, adds: [addOf('mine')], txns: [] })).toEqual({ version: 6 })
    expect((await writer.snapshot()).files).toHaveLength(6)
  })

  it('tears a checksum, a checkpoint or the hint to it: nobody needs them', async () => {
    const { deps, memory } = lake()
    const store = new FaultyStore(memory)
    const table = await createTable(deps(store))
    store.plan('create', /\.crc$/, 'torn', 3)
    for (let i = 0; i < 3; i++) await append(table, `${i}.parquet`)
    store.plan('put', /checkpoint\.parquet$/, 'torn')
    await expect(table.checkpoint()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    store.plan('put', /_last_checkpoint$/, 'torn')
    await expect(table.checkpoint()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    const other = await DeltaTable.open(deps(memory, 'other'), TABLE)
    expect(await append(other, 'more.parquet')).toBe(4)
    expect((await other.snapshot()).files).toHaveLength(4)
    expect((await other.appendState()).numFiles).toBe(4)
    expect(store.left).toBe(0)
  })

  it('tears a commit: that is said by file and line, and no version is committed after it', async () => {
    const { deps, memory } = lake()
    const store = new FaultyStore(memory).plan('create', COMMIT_1, 'torn')
    const table = await createTable(deps(store))
    const { version } = await table.appendState()
    await expect(table.commit({ readVersion: version, adds: [addOf('mine')], txns: [] })).rejects.toMatchObject({
      code: 'DELTA_LOG_CORRUPT',
      message: expect.stringContaining(`${versionName(1)}.json, line 1: expected a JSON object`),
    })
    expect((await pathsOf(memory, `${LOG}/`)).filter((name) => ANY_COMMIT.test(name))).toHaveLength(2)
  })

  it('answers late, when others have committed meanwhile', async () => {
    const { deps, memory } = lake()
    const writer = await createTable(deps())
    const store = new FaultyStore(memory)
    const late = await DeltaTable.open(deps(store, 'late'), TABLE)
    store.plan('list', /_delta_log/, async () => {
      await append(writer, 'theirs.parquet')
    })
    const { version } = await late.appendState()
    store.plan('create', /\d\.json$/, async () => {
      await append(writer, 'theirs-too.parquet')
    })
    expect(await late.commit({ readVersion: version, adds: [addOf('mine')], txns: [] })).toEqual({ version: 3 })
  })
})

describe('pauses between races', () => {
  it('double while races are lost, shrink with commits, and spread by chance', () => {
    const crowd = new Crowd()
    const longest = (): number[] => Array.from({ length: 6 }, () => crowd.lost(1, 1))
    expect(longest()).toEqual([20, 40, 80, 160, 320, 640])
    crowd.won()
    crowd.won()
    expect(crowd.lost(1, 0.5)).toBe(160)
    expect(crowd.lost(1, 0)).toBe(0)
  })

  it('never grow beyond four seconds, and grow shorter for who has lost many', () => {
    const crowd = new Crowd()
    for (let i = 0; i < 20; i++) crowd.lost(1, 1)
    expect(crowd.lost(8, 1)).toBe(4000)
    expect(crowd.lost(9, 1)).toBe(4000)
    expect(crowd.lost(10, 1)).toBe(2000)
    expect(crowd.lost(28, 1)).toBe(200)
  })

  it('are none without a lost race', async () => {
    const { deps, clock } = lake()
    const table = await createTable(deps())
    for (let i = 0; i < 3; i++) await append(table, `${i}.parquet`)
    expect(clock.sleeps).toEqual([])
  })
})

describe('the state for an append', () => {
  it('does not go back when a LIST lags behind', async () => {
    const { deps, memory } = lake()
    const store = new FaultyStore(memory)
    const table = await createTable(deps(store))
    for (let i = 0; i < 3; i++) await append(table, `${i}.parquet`)
    store.plan('list', /_delta_log/, { hides: 1 })
    expect((await table.appendState()).version).toBe(3)
    store.plan('list', /_delta_log/, { hides: 9 })
    expect((await table.appendState()).version).toBe(3)
    expect(store.left).toBe(0)
  })
})
