import { describe, expect, it } from 'vitest'
import { DeltaTable } from '#delta/table.ts'
import { CountingStore } from '../../support/counting-store.ts'
import {
  addOf,
  append,
  commitPath,
  createTable,
  deleteCommits,
  filesUpTo,
  lake,
  putText,
  START,
  TABLE,
  tableOf,
} from './fixtures.ts'

const HOUR = 3_600_000

describe('time travel', () => {
  it('goes to any version', async () => {
    const { table } = await tableOf(5, 3)
    for (const version of [1, 2, 3, 4, 5]) {
      const snapshot = await table.snapshot({ version })
      expect(snapshot.version).toBe(version)
      expect(snapshot.files.map(({ path }) => path)).toEqual(filesUpTo(version))
      expect(snapshot.timestamp).toBe(START + version * 1000)
    }
    expect((await table.snapshot({ version: 0 })).files).toEqual([])
  })

  // version   0     1     2     3
  // time      +0    +1s   +2s   +3s
  it.each([
    [0, 0],
    [999, 0],
    [1000, 1],
    [2500, 2],
    [3000, 3],
    [99_000, 3],
  ])('at %i ms after the start finds version %i', async (after, version) => {
    const { table } = await tableOf(3, 2)
    expect((await table.snapshot({ timestamp: START + after })).version).toBe(version)
  })

  it('counts commits of the same moment as a millisecond apart', async () => {
    const { deps } = lake()
    const table = await createTable(deps())
    for (let i = 1; i <= 3; i++) await append(table, `${i}.parquet`)
    expect((await table.snapshot({ timestamp: START + 1 })).version).toBe(1)
    expect((await table.snapshot({ timestamp: START + 3 })).version).toBe(3)
  })

  // version   0     1     2     3
  // file      +0    +9s   +2s   +10s
  // counts    +0    +9s   +9s1  +10s
  it('takes a commit that is older than the one before it for one of the same moment', async () => {
    const { deps, clock } = lake()
    const table = await createTable(deps())
    for (const [at, after] of [9_000, 2_000, 10_000].entries()) {
      clock.time = START + after
      await append(table, `${at + 1}.parquet`)
    }
    expect((await table.snapshot({ timestamp: START + 2_000 })).version).toBe(0)
    expect((await table.snapshot({ timestamp: START + 9_000 })).version).toBe(1)
    expect((await table.snapshot({ timestamp: START + 9_001 })).version).toBe(2)
    expect((await table.snapshot({ timestamp: START + 10_000 })).version).toBe(3)
  })

  it('before the first version is DELTA_VERSION_NOT_FOUND', async () => {
    const { table } = await tableOf(1)
    await expect(table.snapshot({ timestamp: START - 1 })).rejects.toMatchObject({
      code: 'DELTA_VERSION_NOT_FOUND',
      message: `Expected a time at or after 2026-03-01T00:00:00.000Z, when version 0 of ${TABLE} was committed, found 2026-02-28T23:59:59.999Z. Choose a later time.`,
    })
  })

  it.each([6, -1, 1.5])('to version %d, which is not there, is DELTA_VERSION_NOT_FOUND', async (version) => {
    const { table } = await tableOf(5, 4)
    await expect(table.snapshot({ version })).rejects.toMatchObject({
      code: 'DELTA_VERSION_NOT_FOUND',
      message: expect.stringContaining(`Expected a version of ${TABLE} from 0 to 5, found ${version}.`),
    })
  })

  it('to a version that was cleaned up says which is the oldest', async () => {
    const { table, memory } = await tableOf(5, 3)
    await deleteCommits(memory, 0, 3)
    await expect(table.snapshot({ version: 2 })).rejects.toMatchObject({
      code: 'DELTA_VERSION_NOT_FOUND',
      message: `Expected a version of ${TABLE} from 3 to 5, found 2. Older ones were cleaned up.`,
    })
    expect((await table.snapshot({ version: 3 })).files).toHaveLength(3)
  })
})

describe('time travel in a table with in-commit timestamps', () => {
  /** Versions 0 … 3 by the files' times, a second apart; 4 … 7 say that they are of an hour later, and that an hour apart. */
  const tableWithTimes = async () => {
    const made = await tableOf(3)
    const { metadata } = await made.table.appendState()
    const configuration = {
      'delta.enableInCommitTimestamps': 'true',
      'delta.inCommitTimestampEnablementVersion': '4',
      'delta.inCommitTimestampEnablementTimestamp': String(START + HOUR),
    }
    const writerFeatures = ['inCommitTimestamp']
    for (let version = 4; version <= 7; version++) {
      const info = { commitInfo: { inCommitTimestamp: START + (version - 3) * HOUR, operation: 'WRITE' } }
      const first = [
        { metaData: { ...metadata, configuration } },
        { protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures } },
      ]
      const actions = [info, ...(version === 4 ? first : []), { add: addOf(`${version}.parquet`) }]
      // Clocks go back: the file of a later version has an earlier time.
      made.clock.time = START - version * 1000
      await putText(made.memory, commitPath(version), actions.map((action) => JSON.stringify(action)).join('\n'))
    }
    return made
  }

  it.each([
    [START, 0],
    [START + 2500, 2],
    [START + HOUR - 1, 3],
    [START + HOUR, 4],
    [START + 2.5 * HOUR, 5],
    [START + 99 * HOUR, 7],
  ])('at %d finds version %i', async (timestamp, version) => {
    const { table } = await tableWithTimes()
    expect((await table.snapshot({ timestamp })).version).toBe(version)
  })

  it('gives versions the time that their commit says', async () => {
    const { table } = await tableWithTimes()
    expect((await table.snapshot()).timestamp).toBe(START + 4 * HOUR)
    expect((await table.snapshot({ version: 3 })).timestamp).toBe(START + 3000)
  })

  it('reads few commits to find a version', async () => {
    const { deps, memory } = await tableWithTimes()
    const counting = new CountingStore(memory)
    const table = await DeltaTable.open(deps(counting), TABLE)
    counting.take()
    await table.snapshot({ timestamp: START + 2 * HOUR })
    // 8 commits for the table's properties, at most 3 to find version 5, and its 6.
    expect(counting.take().filter((request) => request.startsWith('get')).length).toBeLessThanOrEqual(17)
  })

  it('by commits that do not say when they were made is DELTA_LOG_CORRUPT', async () => {
    const { table, memory } = await tableWithTimes()
    await putText(memory, commitPath(6), JSON.stringify({ add: addOf('6.parquet') }))
    expect((await table.snapshot({ version: 6 })).timestamp).toBe(START + 3003)
    await expect(table.snapshot({ timestamp: START + 99 * HOUR })).rejects.toMatchObject({
      code: 'DELTA_LOG_CORRUPT',
      message: `Expected commit ${commitPath(6)} to have an inCommitTimestamp, as its table asks for, found none. Choose a version by its number instead of a time.`,
    })
  })
})
