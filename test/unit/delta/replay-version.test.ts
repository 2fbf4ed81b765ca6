import { describe, expect, it } from 'vitest'
import { LogPaths } from '#delta/log.ts'
import { replay } from '#delta/replay.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { checkpointPath, deleteCommits, LOG, TABLE, tableOf } from './fixtures.ts'

const HINT = `${LOG}/_last_checkpoint`

describe('a version that is asked for', () => {
  const requests = async (memory: ObjectStore, version: number): Promise<readonly string[]> => {
    const store = new CountingStore(memory)
    expect((await replay(store, new LogPaths(TABLE), { version })).version).toBe(version)
    return store.take().filter((call) => /^list |^get .*checkpoint/.test(call))
  }

  it('costs one LIST, from its checkpoint on or before it', async () => {
    const { memory } = await tableOf(6, 4)
    for (const version of [4, 5]) {
      expect(await requests(memory, version)).toEqual([`get ${HINT}`, `list ${LOG}/`, `get ${checkpointPath(4)}`])
    }
    expect(await requests(memory, 3)).toEqual([`get ${HINT}`, `list ${LOG}/`])
  })

  it('is none that was there before the first commit that is left', async () => {
    const { memory } = await tableOf(5)
    await deleteCommits(memory, 0, 1)
    await expect(replay(memory, new LogPaths(TABLE), { version: 1 })).rejects.toMatchObject({
      code: 'DELTA_VERSION_NOT_FOUND',
      details: { table: TABLE, first: 2, latest: 5, version: 1 },
    })
  })

  it('has no older one to go back to where the very first commit is gone', async () => {
    const { memory } = await tableOf(3)
    await deleteCommits(memory, 0, 0)
    await expect(replay(memory, new LogPaths(TABLE))).rejects.toMatchObject({
      code: 'DELTA_LOG_GAP',
      message: expect.stringMatching(/Restore that file from a copy\.$/),
    })
  })
})
