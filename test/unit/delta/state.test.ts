import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import type { TableState } from '#delta/checksum.ts'
import { LogPaths, listLog } from '#delta/log.ts'
import { loadState, loadStateAt, stateFrom } from '#delta/state.ts'
import { replayState } from '#delta/state-replay.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { FaultyStore } from '../../support/faulty-store.ts'
import {
  addOf,
  checkpointPath,
  commitPath,
  createTable,
  deleteCommits,
  foreignCommit,
  LOG,
  lake,
  putText,
  START,
  TABLE,
  tableOf,
  versionName,
} from './fixtures.ts'

const PATHS = new LogPaths(TABLE)
const HINT = `get ${LOG}/_last_checkpoint`
const LIST = `list ${LOG}/`
const crc = (version: number): string => `${LOG}/${versionName(version)}.crc`
const get = (version: number): string => `get ${commitPath(version)}`

async function withoutChecksums(memory: ObjectStore, from: number, to: number): Promise<void> {
  for (let version = from; version <= to; version++) await memory.delete(crc(version))
}

/** What is loaded, and the requests for it. */
async function counted(memory: ObjectStore, known?: TableState, since?: number) {
  const store = new CountingStore(memory)
  const state = await loadState(store, PATHS, known, since)
  return { state, calls: store.take() }
}

/** What nobody knows the size of. */
const unsized = (path: string) => ({ remove: { path, dataChange: true, deletionTimestamp: START } })

describe('The state of a table', () => {
  it('is asked for from what is known on: a version, or else the newest checkpoint', async () => {
    const starts: (string | undefined)[] = []
    class Listed extends MemoryObjectStore {
      override list(prefix: string, options?: { readonly startAfter?: string }) {
        starts.push(options?.startAfter)
        return super.list(prefix, options)
      }
    }
    const { memory } = await tableOf(5, 4)
    const listed = new Listed()
    for await (const { path } of memory.list(`${LOG}/`)) await listed.put(path, await memory.get(path))
    const known = await loadState(listed, PATHS)
    await loadState(listed, PATHS, known)
    await loadState(listed, PATHS, undefined, 3)
    expect(starts).toEqual([4, 5, 3].map((version) => `${LOG}/${versionName(version)}`))
  })

  it('that is known is folded on with the commits since, though there are no checksums', async () => {
    const { memory } = await tableOf(5)
    const known = await loadStateAt(memory, PATHS, 3)
    await withoutChecksums(memory, 4, 5)
    const { state, calls } = await counted(memory, known)
    expect(calls).toEqual([LIST, get(4), get(5)])
    expect(state).toMatchObject({
      version: 5,
      numFiles: 5,
      tableSizeBytes: 500,
      txns: new Map([['app', { version: 5 }]]),
    })
  })

  it('without counts is folded on without them, and nothing is replayed', async () => {
    const { memory } = await tableOf(5)
    const known = { ...(await loadStateAt(memory, PATHS, 3)), numFiles: null, tableSizeBytes: null }
    await withoutChecksums(memory, 4, 5)
    const { state, calls } = await counted(memory, known)
    expect(calls).toEqual([LIST, get(4), get(5)])
    expect(state).toMatchObject({ version: 5, numFiles: null, tableSizeBytes: null })
  })

  it('whose counts a commit leaves unknown is replayed where the table is small, and not where it is large', async () => {
    const { memory } = await tableOf(3)
    const before = await loadState(memory, PATHS)
    await foreignCommit(memory, 4, [unsized('2.parquet')])
    const small = await counted(memory, { ...before, numFiles: 20_000 })
    expect(small.state).toMatchObject({ version: 4, numFiles: 2, tableSizeBytes: 200 })
    const large = await counted(memory, { ...before, numFiles: 20_001 })
    expect(large.state).toMatchObject({ version: 4, numFiles: null, tableSizeBytes: null })
    expect(large.calls).toEqual([LIST, get(4)])
  })

  //  commits    0 … 3        5        a checkpoint of 5, and no commit 4
  it('is that of a checkpoint where commits since the known one are gone', async () => {
    const { memory } = await tableOf(5, 5)
    const known = await loadStateAt(memory, PATHS, 3)
    await withoutChecksums(memory, 4, 5)
    await deleteCommits(memory, 4, 4)
    expect(await loadState(memory, PATHS, known)).toMatchObject({ version: 5, numFiles: 5 })
  })

  it('does not go back because a LIST lags behind', async () => {
    const { memory } = await tableOf(5)
    const known = await loadState(memory, PATHS)
    const store = new FaultyStore(memory).plan('list', /_delta_log/, { hides: 2 }, 2)
    expect(await loadState(store, PATHS, known)).toBe(known)
    expect(store.left).toBe(1)
  })

  it('is that of the latest commit listed, though a later checksum is listed too', async () => {
    const { memory } = await tableOf(5)
    // The last two names of the log are those of checksum 5 and of commit 5, in that order.
    const store = new FaultyStore(memory).plan('list', /_delta_log/, { hides: 1 })
    expect(await loadState(store, PATHS)).toMatchObject({ version: 4, numFiles: 4 })
  })

  it('is that of a table that was made anew, however far the old one had got', async () => {
    const { memory } = await tableOf(5)
    const known = await loadState(memory, PATHS)
    const anew = await tableOf(2)
    expect(await loadState(anew.memory, PATHS, known)).toMatchObject({ version: 2, numFiles: 2 })
  })

  it('is none where there is no log: two requests tell', async () => {
    const store = new CountingStore(lake().memory)
    await expect(loadState(store, PATHS)).rejects.toMatchObject({ code: 'DELTA_NOT_A_TABLE' })
    expect(store.take()).toEqual([HINT, LIST])
  })

  it('at a version is that of its checksum, or of a replay to there', async () => {
    const { memory } = await tableOf(5)
    const store = new CountingStore(memory)
    expect(await loadStateAt(store, PATHS, 2)).toMatchObject({ version: 2, numFiles: 2 })
    expect(store.take()).toEqual([`get ${crc(2)}`])
    await memory.delete(crc(2))
    expect(await loadStateAt(store, PATHS, 2)).toMatchObject({ version: 2, numFiles: 2, tableSizeBytes: 200 })
  })

  it('is that of the version that was listed, though others commit meanwhile', async () => {
    const { memory } = await tableOf(3, 2)
    await withoutChecksums(memory, 0, 3)
    const listing = await listLog(memory, PATHS, 0)
    await foreignCommit(memory, 4, [{ add: addOf('4.parquet') }])
    expect(await stateFrom(memory, PATHS, listing, undefined)).toMatchObject({ version: 3, numFiles: 3 })
  })
})

describe('The state of a table without checksums', () => {
  it('is folded from all commits, each read once', async () => {
    const { memory } = await tableOf(3)
    await withoutChecksums(memory, 0, 3)
    const { state, calls } = await counted(memory)
    expect(calls).toEqual([HINT, LIST, get(0), get(1), get(2), get(3)])
    expect(state).toMatchObject({
      version: 3,
      numFiles: 3,
      tableSizeBytes: 300,
      txns: new Map([['app', { version: 3 }]]),
    })
  })

  it('counts what a whole replay would read', async () => {
    const { memory, table } = await tableOf(4, 4)
    const read = async () => (await replayState(memory, await listLog(memory, PATHS, 0)))!
    const atCheckpoint = await read()
    expect(atCheckpoint.state).toMatchObject({ version: 4, numFiles: null })
    await foreignCommit(memory, 5, [unsized('1.parquet'), unsized('2.parquet'), { add: addOf('5.parquet') }])
    const later = await read()
    expect(later.actions).toBe(atCheckpoint.actions + 3)
    expect(later.state).toMatchObject({ version: 5, numFiles: null })
    expect(await table.snapshot()).toMatchObject({ version: 5 })
  })

  it('has counts where 20,000 actions or fewer tell them', async () => {
    for (const [adds, numFiles] of [
      [19_999, 19_998],
      [20_000, null],
    ] as const) {
      const { memory, deps } = lake()
      await createTable(deps())
      await memory.delete(crc(0))
      const all = Array.from({ length: adds }, (_, i) => ({ add: addOf(`${i}`) }))
      await foreignCommit(memory, 1, all)
      await foreignCommit(memory, 2, [unsized('0')])
      expect(await loadState(memory, PATHS)).toMatchObject({ version: 2, numFiles })
    }
  })

  it('with a commit missing is DELTA_LOG_GAP', async () => {
    const { memory } = await tableOf(5)
    await withoutChecksums(memory, 0, 5)
    await deleteCommits(memory, 2, 2)
    await expect(loadState(memory, PATHS)).rejects.toMatchObject({ code: 'DELTA_LOG_GAP' })
  })

  it('is that of the commits where the checkpoint is damaged, and an error where the store fails', async () => {
    const { memory } = await tableOf(5, 4)
    await withoutChecksums(memory, 0, 5)
    // Another failure than that of the checkpoint is nothing to make up for: it may be gone the next time.
    const failing = new FaultyStore(memory).plan('get', /checkpoint\.parquet/, 'before')
    await expect(loadState(failing, PATHS)).rejects.not.toMatchObject({ code: 'DELTA_CHECKPOINT_CORRUPT' })
    await putText(memory, checkpointPath(4), 'none')
    expect(await loadState(memory, PATHS)).toMatchObject({ version: 5, numFiles: 5 })
  })

  it('is DELTA_LOG_CORRUPT where the log has no protocol, or no metadata', async () => {
    const whole = lake()
    const { metadata } = await (await createTable(whole.deps())).snapshot()
    for (const [action, missing] of [
      [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, 'metaData'],
      [{ metaData: metadata }, 'protocol'],
    ] as const) {
      const { memory } = lake()
      await foreignCommit(memory, 0, [action])
      await expect(loadState(memory, PATHS)).rejects.toMatchObject({
        code: 'DELTA_LOG_CORRUPT',
        message: expect.stringContaining(`a ${missing} action`),
      })
    }
  })
})
