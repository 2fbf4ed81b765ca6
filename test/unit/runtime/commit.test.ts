import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { DeltaTable } from '#delta/table.ts'
import { acceptedItems } from '#runtime/accepted.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { lakeGroup, partitionAppId } from '#runtime/keys.ts'
import { lakeStage } from '#runtime/lake.ts'
import { preparer } from '#runtime/prepare.ts'
import type { Runtime } from '#runtime/runtime.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { anotherProcess, batch, meddled, numbersIn, reading, readingsFrom, started, upTo } from './builders.ts'

const stageOf = (runtime: Runtime) => lakeStage(runtime, preparer(runtime.plan), async () => {})
const accept = (runtime: Runtime, ...payload: readonly RecordBatch[]) => stageOf(runtime).handle(payload)

const filesOf = async (runtime: Runtime, partition = 0) =>
  (await acceptedItems(runtime.state, lakeGroup(runtime)).load(partition)).body?.files ?? []

const tableState = async (runtime: Runtime, path: string) => (await DeltaTable.open(runtime, path)).appendState()
const offsetsIn = (runtime: Runtime) => numbersIn(runtime, 'bronze.rooms', 'offset')

describe('committing what was accepted', () => {
  it('makes files of all partitions visible in one commit a table, and says how many', async () => {
    const runtime = await started()
    await accept(runtime, readingsFrom(0, 3), batch([reading(0, 0, 'attic')], { partition: 1 }), readingsFrom(3, 5))
    expect(await offsetsIn(runtime)).toEqual([])
    expect(await commitAccepted(runtime)).toEqual([
      { table: 'bronze.rooms', version: 1, files: 3 },
      { table: 'silver.rooms', version: 1, files: 3 },
    ])
    expect(await offsetsIn(runtime)).toEqual([0, 0, 1, 2, 3, 4])
    const { txns } = await tableState(runtime, 'bronze/rooms')
    expect([0, 1].map((partition) => txns.get(partitionAppId(runtime, partition)))).toEqual([4, 0])
  })

  it('trims the items: their counts and last offsets stay, their files are gone', async () => {
    const runtime = await started()
    await accept(runtime, batch([reading(0, 0), 'no reading', reading(2, 2)]))
    await commitAccepted(runtime)
    const { body } = await acceptedItems(runtime.state, lakeGroup(runtime)).load(0)
    expect(body).toMatchObject({ files: [], read: 3, quarantined: 1, last: { offset: 2 } })
  })

  it('again commits nothing, and costs no request to the store', async () => {
    const store = new CountingStore(new MemoryObjectStore())
    const runtime = await started({ store })
    await accept(runtime, readingsFrom(0, 3))
    await commitAccepted(runtime)
    store.take()
    expect(await commitAccepted(runtime)).toEqual([])
    expect(store.take()).toEqual([])
    expect(await offsetsIn(runtime)).toEqual(upTo(3))
  })

  it('by many at once puts each file in once', async () => {
    const runtime = await started()
    await accept(runtime, readingsFrom(0, 3), readingsFrom(3, 6), batch([reading(6, 6)], { partition: 1, from: 6 }))
    await Promise.all(['one', 'two', 'three'].map((name) => commitAccepted(anotherProcess(runtime, name))))
    expect(await offsetsIn(runtime)).toEqual(upTo(7))
    expect((await tableState(runtime, 'bronze/rooms')).numFiles).toBe(3)
    expect([...(await filesOf(runtime)), ...(await filesOf(runtime, 1))]).toEqual([])
  })

  it('after a committer that died before it trimmed puts nothing in twice', async () => {
    const runtime = await started()
    await accept(runtime, readingsFrom(0, 3))
    const died = meddled(runtime.state, lakeGroup(runtime), () => Promise.reject(new Error('died')))
    await expect(commitAccepted({ ...anotherProcess(runtime), state: died })).rejects.toThrow('died')
    expect(await filesOf(runtime)).toHaveLength(2)
    await accept(runtime, readingsFrom(3, 5))
    expect(await commitAccepted(runtime)).toEqual([
      { table: 'bronze.rooms', version: 2, files: 1 },
      { table: 'silver.rooms', version: 2, files: 1 },
    ])
    expect(await offsetsIn(runtime)).toEqual(upTo(5))
    expect(await filesOf(runtime)).toEqual([])
  })

  it('leaves the files that a stage adds meanwhile for the next time', async () => {
    const runtime = await started()
    await accept(runtime, readingsFrom(0, 3))
    const state = meddled(runtime.state, lakeGroup(runtime), () => accept(anotherProcess(runtime), readingsFrom(3, 5)))
    await commitAccepted({ ...runtime, state })
    expect(await offsetsIn(runtime)).toEqual(upTo(3))
    expect((await filesOf(runtime)).map(({ table, offset }) => [table, offset])).toEqual([
      ['bronze.rooms', 4],
      ['silver.rooms', 4],
    ])
    await commitAccepted(runtime)
    expect(await offsetsIn(runtime)).toEqual(upTo(5))
  })

  it('puts rejected records into the quarantine table, with why and the record itself', async () => {
    const runtime = await started()
    await accept(runtime, batch([reading(0, 0), reading(1, 1, 'hall', null), '{"id":'], { from: 7 }))
    await commitAccepted(runtime)
    expect(await numbersIn(runtime, 'quarantine.rooms', 'offset')).toEqual([8, 9])
    expect(await numbersIn(runtime, 'silver.rooms', 'id')).toEqual([0])
    expect(await offsetsIn(runtime)).toEqual([7, 8, 9])
  })
})
