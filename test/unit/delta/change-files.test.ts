import { beforeAll, describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { LogPaths, listLog } from '#delta/log.ts'
import { openVersion } from '#delta/opened-version.ts'
import { DeltaTable } from '#delta/table.ts'
import { FaultyStore } from '../../support/faulty-store.ts'
import { writeWideLog } from '../../support/wide-log.ts'
import { lake, TABLE } from './fixtures.ts'

const FILES = 60_000
const DAYS = 60

/** A table whose checkpoint is large enough to be gone through, with three commits after it; the commits before are there as well. */
async function wideTable() {
  const memory = new MemoryObjectStore()
  await writeWideLog(memory, TABLE, { files: FILES, tail: 3, checkpoint: false, checksum: false, days: DAYS })
  const table = await DeltaTable.open(lake().deps(memory), TABLE)
  await table.checkpoint()
  for (const id of [1, 2, 3]) await table.append([{ id, day: '7' }])
  const [checkpoint] = (await listLog(memory, new LogPaths(TABLE), 3)).checkpoints
  return { memory, path: checkpoint!.files[0]!.path }
}

describe('a change of a large table', () => {
  let memory: MemoryObjectStore
  let path: string
  beforeAll(async () => {
    ;({ memory, path } = await wideTable())
  }, 60_000)

  it('holds the files that it may change, and knows how many there are', async () => {
    const { contents, state } = await openVersion(lake().deps(memory), new LogPaths(TABLE), () => {
      return ({ partitionValues }) => partitionValues['day'] === '7'
    })
    expect(contents.files.size).toBe(FILES / DAYS + 3)
    expect(state).toMatchObject({ version: 6, numFiles: FILES + 3 })
    expect(state.tableSizeBytes).toBeGreaterThan(FILES * 1_000)
  })

  it('goes on from the commits when its checkpoint turns out to be damaged', async () => {
    const damaged = new FaultyStore(memory)
      .plan('get', /checkpoint\.parquet$/, async () => {})
      .plan('get', /checkpoint\.parquet$/, async () => memory.put(path, new Uint8Array(100)))
    const table = await DeltaTable.open(lake().deps(damaged), TABLE)
    expect(await table.delete({ day: '7' })).toMatchObject({ metrics: { numRemovedFiles: FILES / DAYS + 3 } })
    expect(damaged.left).toBe(0)
    expect((await table.appendState()).numFiles).toBe(FILES - FILES / DAYS)
  })
})
