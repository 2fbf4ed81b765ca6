import { describe, expect, it } from 'vitest'
import { append, createTable, deleteCommits, filesUpTo, lake, START, TABLE, tableOf } from './fixtures.ts'

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
