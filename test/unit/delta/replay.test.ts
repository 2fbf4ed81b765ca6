import { describe, expect, it } from 'vitest'
import { streamContents } from '#delta/file-stream.ts'
import { LogPaths } from '#delta/log.ts'
import { replay } from '#delta/replay.ts'
import { DeltaTable } from '#delta/table.ts'
import { parquetMetadata } from '#parquet/metadata.ts'
import { bytesSource } from '#parquet/source.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import { CountingStore } from '../../support/counting-store.ts'
import {
  addOf,
  append,
  checkpointPath,
  commitPath,
  deleteCommits,
  filesUpTo,
  foreignCommit,
  LOG,
  lake,
  putText,
  TABLE,
  tableOf,
  textAt,
  versionName,
} from './fixtures.ts'

const v2Path = (version: number): string =>
  `${LOG}/${versionName(version)}.checkpoint.6374b053-df23-479b-b2cf-c9c550132b49.json`
const HINT = `${LOG}/_last_checkpoint`

async function expectVersion(table: DeltaTable, version: number): Promise<void> {
  const snapshot = await table.snapshot()
  expect(snapshot.version).toBe(version)
  expect(snapshot.files.map(({ path }) => path)).toEqual(filesUpTo(version))
  expect(snapshot.txns).toEqual(new Map([['app', version]]))
}

describe('a checkpoint', () => {
  it('makes all commits before it unnecessary', async () => {
    const { table, memory } = await tableOf(6, 4)
    const before = await table.snapshot()
    await deleteCommits(memory, 0, 4)
    const after = await table.snapshot()
    expect(after.files).toEqual(before.files.map((file, at) => (at < 4 ? { ...file, dataChange: false } : file)))
    expect(after.txns).toEqual(before.txns)
    expect(after.metadata).toEqual(before.metadata)
    expect(after.protocol).toEqual(before.protocol)
    await append(table, '7.parquet', ['app', 7])
    await expectVersion(table, 7)
  })

  it('is found by its hint without a look at older files', async () => {
    const { deps, memory } = await tableOf(6, 4)
    const counting = new CountingStore(memory)
    const table = await DeltaTable.open(deps(counting), TABLE)
    counting.take()
    await table.snapshot()
    expect(counting.take()).toEqual([
      `get ${HINT}`,
      `list ${LOG}/`,
      `get ${checkpointPath(4)}`,
      `get ${commitPath(5)}`,
      `get ${commitPath(6)}`,
    ])
  })

  it('of a table of 10,000 commits is all that is read, with the commits since', async () => {
    const { table, deps, memory } = await tableOf(0)
    for (let version = 1; version <= 9_997; version++) {
      await putText(memory, commitPath(version), JSON.stringify({ add: addOf(`${version}.parquet`) }))
    }
    await table.checkpoint()
    for (let version = 9_998; version <= 10_000; version++) {
      await foreignCommit(memory, version, [{ add: addOf(`${version}.parquet`) }])
    }
    const counting = new CountingStore(memory)
    const opened = await DeltaTable.open(deps(counting), TABLE)
    expect(counting.take()).toEqual([`get ${HINT}`, `list ${LOG}/`])
    const { version, files } = await opened.snapshot()
    expect({ version, files: files.length }).toEqual({ version: 10_000, files: 10_000 })
    const read = counting.take()
    expect(new Set(read)).toEqual(
      new Set([
        `get ${HINT}`,
        `list ${LOG}/`,
        `get ${checkpointPath(9_997)}`,
        ...[9_998, 9_999, 10_000].map((tail) => `get ${commitPath(tail)}`),
      ]),
    )
    expect(read.filter((request) => request.startsWith('list'))).toHaveLength(1)
  })

  it.each([
    ['missing', null],
    ['empty', ''],
    ['not JSON', '{"version":'],
    ['not an object', '[]'],
    ['without a version', '{"size":1}'],
    ['stale', '{"version":2,"size":4}'],
    ['dangling: no such checkpoint', '{"version":3,"size":5}'],
    ['beyond the end of the log', '{"version":1000,"size":5}'],
    ['of a version that is no number', '{"version":"4"}'],
  ])('is found though the hint is %s', async (_, hint) => {
    const { table, memory } = await tableOf(6, 2, 4)
    await (hint === null ? memory.delete(HINT) : putText(memory, HINT, hint))
    await expectVersion(table, 6)
    await append(table, '7.parquet', ['app', 7])
    await expectVersion(table, 7)
    await deleteCommits(memory, 0, 4)
    await expectVersion(table, 7)
    const fresh = await DeltaTable.open(
      { store: memory, clock: { now: () => 0, sleep: async () => {} }, ids: { next: () => 'x' } },
      TABLE,
    )
    expect((await fresh.appendState()).version).toBe(7)
  })

  it('that is cut off anywhere is passed over for the commits', async () => {
    const { table, memory } = await tableOf(5, 4)
    const whole = await memory.get(checkpointPath(4))
    for (const length of [0, 3, 11, 100, Math.floor(whole.length / 2), whole.length - 9, whole.length - 1]) {
      await memory.put(checkpointPath(4), whole.subarray(0, length))
      await expectVersion(table, 5)
    }
  })

  it('that is damaged is passed over for an older one', async () => {
    const { table, memory } = await tableOf(6, 2, 4)
    await deleteCommits(memory, 0, 2)
    const bytes = await memory.get(checkpointPath(4))
    await memory.put(checkpointPath(4), bytes.subarray(0, 200))
    await expectVersion(table, 6)
  })

  it('that is damaged with nothing to make up for it is DELTA_CHECKPOINT_CORRUPT', async () => {
    const { table, memory } = await tableOf(6, 2, 4)
    await deleteCommits(memory, 0, 4)
    for (const version of [2, 4]) {
      const bytes = await memory.get(checkpointPath(version))
      await memory.put(checkpointPath(version), bytes.subarray(0, 200))
    }
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_CHECKPOINT_CORRUPT',
      message: expect.stringMatching(
        new RegExp(
          `^Expected a whole Delta checkpoint at ${checkpointPath(4)}, but it can't be read \\(.+\\)\\. Restore it from a copy; until then only versions whose commits are all there can be read\\.$`,
        ),
      ),
    })
  })

  it('is written again where a damaged one lies, and the hint with it', async () => {
    const { table, memory } = await tableOf(4, 4)
    await putText(memory, checkpointPath(4), 'PAR1')
    await memory.delete(HINT)
    await table.checkpoint()
    await deleteCommits(memory, 0, 4)
    await expectVersion(table, 4)
  })

  it('in parts is read when all parts are there, and only then', async () => {
    const { table, memory } = await tableOf(5, 4)
    const bytes = await memory.get(checkpointPath(4))
    await memory.delete(checkpointPath(4))
    const part = (of: number): string => `${LOG}/${versionName(4)}.checkpoint.000000000${of}.0000000002.parquet`
    await memory.put(part(1), bytes)
    await deleteCommits(memory, 1, 4)
    await expect(table.snapshot()).rejects.toMatchObject({ code: 'DELTA_LOG_GAP' })
    // Twice the same actions are the same actions.
    await memory.put(part(2), bytes)
    await expectVersion(table, 5)
  })

  it('of the V2 kind may be JSON under a unique name', async () => {
    const { table, memory } = await tableOf(3)
    const { protocol, metadata, files } = await table.snapshot({ version: 2 })
    const actions = [
      { checkpointMetadata: { version: 2 } },
      { protocol },
      { metaData: metadata },
      { txn: { appId: 'app', version: 2 } },
      { domainMetadata: { domain: 'delta.clustering', configuration: '{}', removed: false } },
      ...files.map((add) => ({ add })),
    ]
    await putText(memory, v2Path(2), actions.map((action) => JSON.stringify(action)).join('\n'))
    await deleteCommits(memory, 0, 2)
    await expectVersion(table, 3)
    const contents = await replay(memory, new LogPaths(TABLE))
    expect([...contents.domains.keys()]).toEqual(['delta.clustering'])
  })

  it('of the V2 kind has its files in sidecars, all of which must be there', async () => {
    const { table, memory } = await tableOf(3, 2)
    const { protocol, metadata } = await table.snapshot({ version: 2 })
    const sidecar = await memory.get(checkpointPath(2))
    await memory.delete(checkpointPath(2))
    await memory.put(`${LOG}/_sidecars/one.parquet`, sidecar)
    const actions = [
      { checkpointMetadata: { version: 2 } },
      { protocol },
      { metaData: metadata },
      { txn: { appId: 'app', version: 2 } },
      { sidecar: { path: 'one.parquet', sizeInBytes: sidecar.length, modificationTime: 0 } },
    ]
    await putText(memory, v2Path(2), actions.map((action) => JSON.stringify(action)).join('\n'))
    await deleteCommits(memory, 0, 2)
    await expectVersion(table, 3)
    await memory.delete(`${LOG}/_sidecars/one.parquet`)
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_CHECKPOINT_CORRUPT',
      message: `Expected a whole Delta checkpoint at ${LOG}/_sidecars/one.parquet, but it is gone. Restore it from a copy; until then only versions whose commits are all there can be read.`,
    })
  })

  it('of the V2 kind that is damaged is passed over for the commits', async () => {
    const { table, memory } = await tableOf(3)
    await putText(memory, v2Path(2), '{"checkpointMetadata":')
    await expectVersion(table, 3)
  })
})

describe('compacted commits', () => {
  const compact = async (memory: ObjectStore, from: number, to: number) => {
    const lines: string[] = []
    for (let version = from; version <= to; version++) {
      lines.push(
        ...(await textAt(memory, commitPath(version))).split('\n').filter((line) => !line.includes('commitInfo')),
      )
    }
    await putText(memory, `${LOG}/${versionName(from)}.${versionName(to)}.compacted.json`, lines.join('\n'))
  }

  it('are read instead of the commits that they cover', async () => {
    const { deps, memory } = await tableOf(7)
    await compact(memory, 1, 3)
    await compact(memory, 1, 4)
    await putText(memory, `${LOG}/${versionName(6)}.${versionName(9)}.compacted.json`, '{')
    const counting = new CountingStore(memory)
    const table = await DeltaTable.open(deps(counting), TABLE)
    counting.take()
    await expectVersion(table, 7)
    // The hint, commit 0, commits 1 to 4 in one, 5, 6 and 7.
    expect(counting.take().filter((request) => request.startsWith('get'))).toHaveLength(6)
  })

  it('that were not reconciled are passed over for the commits', async () => {
    const { table, memory } = await tableOf(2)
    await foreignCommit(memory, 3, [{ remove: { path: '2.parquet', dataChange: true } }])
    await compact(memory, 1, 3)
    expect((await table.snapshot()).files.map(({ path }) => path)).toEqual(filesUpTo(1))
  })

  it('count only where all of them are wanted', async () => {
    const { table, memory } = await tableOf(4)
    await compact(memory, 1, 4)
    expect((await table.snapshot({ version: 3 })).files.map(({ path }) => path)).toEqual(filesUpTo(3))
  })
})

describe('a damaged log', () => {
  it('with a gap is DELTA_LOG_GAP, naming the commit', async () => {
    const { table, memory } = await tableOf(5)
    await memory.delete(commitPath(3))
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_LOG_GAP',
      message: `Expected commit ${commitPath(3)} on the way to version 5, found none, and no later checkpoint. Restore that file from a copy, or read version 2 or older.`,
      details: { missing: 3, version: 5 },
    })
    expect((await table.snapshot({ version: 2 })).files).toHaveLength(2)
  })

  it('with a gap that a checkpoint bridges is read', async () => {
    const { table, memory } = await tableOf(5, 4)
    await memory.delete(commitPath(2))
    await expectVersion(table, 5)
  })

  it('with a gap after the checkpoint is DELTA_LOG_GAP', async () => {
    const { table, memory } = await tableOf(6, 3)
    await memory.delete(commitPath(5))
    await expect(table.snapshot()).rejects.toMatchObject({ code: 'DELTA_LOG_GAP', details: { missing: 5 } })
  })

  it.each([
    [
      'cut off',
      '{"commitInfo":{}}\n{"add":{"path":"x","si',
      'line 2: expected a JSON object, found text that is none (ends with "{\\"add\\":{\\"path\\":\\"x\\",\\"si")',
    ],
    ['no object', '{"commitInfo":{}}\n\n42', 'line 3: expected a JSON object, found a number'],
    ['empty', '', 'line 1: expected an action, found an empty file'],
    ['an add without a path', '{"add":{"size":1}}', 'line 1: expected add.path to be text, found nothing'],
    [
      'an add whose size is text',
      '{"add":{"path":"x","size":"1"}}',
      'line 1: expected add.size to be a number, found a string',
    ],
    [
      'a txn beyond 2^53',
      '{"txn":{"appId":"a","version":9007199254740993}}',
      'line 1: expected txn.version to be a whole number below 2^53, found 9007199254740992',
    ],
    ['an action that is a list', '{"protocol":[]}', 'line 1: expected "protocol" to be an object, found a list'],
  ])('with a commit that is %s is DELTA_LOG_CORRUPT, naming file and line', async (_, text, found) => {
    const { table, memory } = await tableOf(3)
    await putText(memory, commitPath(2), text)
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_LOG_CORRUPT',
      message: `Delta log ${commitPath(2)}, ${found}. Restore that file from a copy; without it the table can only be read as of an older version.`,
      details: { file: commitPath(2) },
    })
  })

  it('with bytes that are not UTF-8 names the line', async () => {
    const { table, memory } = await tableOf(1)
    await memory.put(commitPath(1), Uint8Array.from([...new TextEncoder().encode('{"txn":null}\n'), 0x7b, 0xff, 0xfe]))
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_LOG_CORRUPT',
      message: expect.stringContaining(`${commitPath(1)}, line 2: expected UTF-8 text`),
    })
  })

  it('without protocol or metadata is DELTA_LOG_CORRUPT', async () => {
    const { deps, memory } = lake()
    await foreignCommit(memory, 0, [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }])
    const table = await DeltaTable.open(deps(), TABLE)
    await expect(table.snapshot()).rejects.toMatchObject({
      code: 'DELTA_LOG_CORRUPT',
      message: `Expected the log ${LOG}/ to hold a metaData action at or before version 0, found none. Restore the log from a copy.`,
    })
  })

  it('is DELTA_NOT_A_TABLE when there is no log', async () => {
    const { deps, memory } = lake()
    await putText(memory, `${TABLE}/part-1.parquet`, 'x')
    await putText(memory, `${HINT}`, '{"version":3}')
    await expect(DeltaTable.open(deps(), TABLE)).rejects.toMatchObject({
      code: 'DELTA_NOT_A_TABLE',
      message: `Expected a Delta table at memory://store/${TABLE}, found no commits and no checkpoint in its _delta_log. Check the name, or create the table first.`,
    })
  })
})

describe('contents that are streamed', () => {
  const streamed = async (memory: ObjectStore, version?: number) => {
    const { header, batches } = await streamContents(
      memory,
      new LogPaths(TABLE),
      version === undefined ? {} : { version },
    )
    const files: string[] = []
    const tombstones: string[] = []
    for await (const batch of batches()) {
      files.push(...batch.files.map(({ path }) => path))
      tombstones.push(...batch.tombstones.map(({ path }) => path))
    }
    return { header, files, tombstones }
  }

  it('are those of a replay', async () => {
    const { memory } = await tableOf(6, 4)
    await foreignCommit(memory, 7, [
      { remove: { path: '1.parquet', dataChange: true } },
      { remove: { path: '6.parquet', dataChange: true } },
      { add: addOf('2.parquet', 5) },
    ])
    for (const version of [2, 4, 6, 7]) {
      const { files, tombstones, ...header } = await replay(memory, new LogPaths(TABLE), { version })
      const found = await streamed(memory, version)
      expect(found.header).toEqual(header)
      expect(found.files.sort()).toEqual([...files.keys()].sort())
      expect(found.tombstones.sort()).toEqual([...tombstones.keys()].sort())
    }
  })

  it('are made from the commits where the checkpoint is damaged', async () => {
    const { memory } = await tableOf(4, 3)
    await memory.put(checkpointPath(3), new Uint8Array(0))
    expect((await streamed(memory)).files).toEqual(filesUpTo(4))
  })

  it('are DELTA_CHECKPOINT_CORRUPT where the damage is among the files, and a vacuum goes by the commits', async () => {
    const { memory, table, clock } = await tableOf(4, 3)
    for (const path of filesUpTo(4)) await putText(memory, `${TABLE}/${path}`, 'rows')
    await putText(memory, `${TABLE}/orphan.parquet`, 'rows')
    const bytes = (await memory.get(checkpointPath(3))).slice()
    const { rowGroups } = await parquetMetadata(bytesSource(bytes))
    const { offset, compressedBytes } = rowGroups[0]!.chunks.find(({ path }) => path.join('.') === 'add.path')!
    await memory.put(checkpointPath(3), bytes.fill(0xff, offset, offset + compressedBytes))
    await expect(streamed(memory)).rejects.toMatchObject({ code: 'DELTA_CHECKPOINT_CORRUPT' })
    clock.time += 1000
    const { paths } = await table.vacuum({ olderThan: '0 seconds', force: true, dryRun: true })
    expect(paths).toEqual([`${TABLE}/orphan.parquet`])
  })
})
