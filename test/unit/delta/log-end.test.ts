import { describe, expect, it } from 'vitest'
import { LogPaths } from '#delta/log.ts'
import { replay } from '#delta/replay.ts'
import { DeltaTable } from '#delta/table.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { FaultyStore } from '../../support/faulty-store.ts'
import { commitPath, deleteCommits, filesUpTo, LOG, START, TABLE, tableOf, versionName } from './fixtures.ts'

const crc = (version: number): string => `${LOG}/${versionName(version)}.crc`
const LOST = (missing: number, latest: number) => ({
  code: 'DELTA_LOG_GAP',
  message: `Expected commit ${commitPath(missing)} beside its checksum ${crc(missing)}, found version ${latest} as the latest: the log has lost its end. Restore that file from a copy, or delete the checksum if the commit was taken back on purpose.`,
  details: { table: TABLE, missing, version: latest },
})

describe('A log that has lost its end', () => {
  it.each([
    ['without a checkpoint', []],
    ['beside a checkpoint', [2]],
  ])('is not read as if nothing had followed, nor appended to, %s', async (_, checkpoints) => {
    const { memory, deps } = await tableOf(5, ...checkpoints)
    await deleteCommits(memory, 4, 5)
    const table = await DeltaTable.open(deps(), TABLE)
    await expect(table.snapshot()).rejects.toMatchObject(LOST(5, 3))
    await expect(table.snapshot({ timestamp: START + 10_000 })).rejects.toMatchObject(LOST(5, 3))
    await expect(table.appendState()).rejects.toMatchObject(LOST(5, 3))
    // Who asks for a version that is whole gets it.
    const { files } = await table.snapshot({ version: 3 })
    expect(files.map(({ path }) => path)).toEqual(filesUpTo(3))
  })

  it('is whole again without the checksums of what was taken back', async () => {
    const { memory, deps } = await tableOf(3)
    await deleteCommits(memory, 3, 3)
    await memory.delete(crc(3))
    const table = await DeltaTable.open(deps(), TABLE)
    expect((await table.snapshot()).version).toBe(2)
    expect((await table.appendState()).version).toBe(2)
  })

  it('is asked for once, by a HEAD, and not at all where every checksum has its commit', async () => {
    const { memory } = await tableOf(3)
    const counting = new CountingStore(memory)
    const heads = () => counting.take().filter((call) => call.startsWith('head '))
    await replay(counting, new LogPaths(TABLE))
    expect(heads()).toEqual([])
    await deleteCommits(memory, 2, 3)
    await expect(replay(counting, new LogPaths(TABLE))).rejects.toMatchObject(LOST(3, 1))
    expect(heads()).toEqual([`head ${commitPath(3)}`])
  })

  it('is none when a LIST lags behind: the version before is read', async () => {
    const { memory } = await tableOf(3)
    // The last two names of the log are those of commit 3 and of its checksum, in that order: crc, json.
    const store = new FaultyStore(memory).plan('list', /_delta_log/, { hides: 1 })
    expect((await replay(store, new LogPaths(TABLE))).version).toBe(2)
    expect(store.left).toBe(0)
  })

  it('has nothing to do with checksums of versions that a checkpoint made unnecessary', async () => {
    const { memory, table } = await tableOf(4, 3)
    await deleteCommits(memory, 0, 3)
    expect((await table.snapshot()).version).toBe(4)
  })
})
