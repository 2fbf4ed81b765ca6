import { describe, expect, it } from 'vitest'
import { ACCEPTED_LIMIT, acceptedItems } from '#runtime/accepted.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { lakeGroup } from '#runtime/keys.ts'
import { type LakeStage, lakeStage } from '#runtime/lake.ts'
import { preparer } from '#runtime/prepare.ts'
import type { Runtime } from '#runtime/runtime.ts'
import {
  anotherProcess,
  batch,
  meddled,
  noon,
  numbersIn,
  reading,
  readingsFrom,
  rowsIn,
  started,
  upTo,
} from './builders.ts'

const stageOf = (runtime: Runtime, relieve: () => Promise<void> = async () => {}): LakeStage =>
  lakeStage(runtime, preparer(runtime.plan), relieve)

const itemOf = (runtime: Runtime, partition = 0) => acceptedItems(runtime.state, lakeGroup(runtime)).load(partition)

async function offsetsIn(runtime: Runtime): Promise<readonly number[]> {
  await commitAccepted(runtime)
  return numbersIn(runtime, 'bronze.rooms', 'offset')
}

describe('the lake stage', () => {
  it('accepts records into the tables of raw records and rows, and what it rejects into quarantine', async () => {
    const runtime = await started()
    const records = batch([reading(0, 0), reading(1, 1, 'hall', null), reading(2, 2, 'attic')], {
      partition: 1,
      from: 5,
    })
    await stageOf(runtime).handle([records])
    expect((await itemOf(runtime, 1)).body).toMatchObject({ read: 3, quarantined: 1, last: { offset: 7 } })
    expect(await offsetsIn(runtime)).toEqual([5, 6, 7])
    expect(await rowsIn(runtime, 'silver.rooms')).toEqual([
      { id: 0, at: noon(0), room: 'hall' },
      { id: 2, at: noon(2), room: 'attic' },
    ])
    const [rejected, ...others] = await rowsIn(runtime, 'quarantine.rooms')
    expect(others).toEqual([])
    expect(rejected).toMatchObject({ topic: 'readings', partition: 1, offset: 6, reason: 'measured', detail: null })
    expect(Buffer.from(rejected?.['value'] as Uint8Array).toString()).toBe(reading(1, 1, 'hall', null))
  })

  it('accepts each record once, however its partition is delivered again', async () => {
    const runtime = await started()
    const stage = stageOf(runtime)
    for (const [from, to] of [
      [0, 4],
      [0, 4],
      [2, 7],
      [6, 7],
      [3, 9],
    ] as const) {
      await stage.handle([readingsFrom(from, to)])
    }
    expect((await itemOf(runtime)).body).toMatchObject({ read: 9, last: { offset: 8 } })
    expect(await offsetsIn(runtime)).toEqual(upTo(9))
    expect(await numbersIn(runtime, 'silver.rooms', 'id')).toEqual(upTo(9))
  })

  it('goes on after a committer trimmed its item, with the files it had not seen go', async () => {
    const runtime = await started()
    const stage = stageOf(runtime)
    await stage.handle([readingsFrom(0, 3)])
    await commitAccepted(anotherProcess(runtime))
    await stage.handle([readingsFrom(3, 6)])
    expect((await itemOf(runtime)).body?.files.map(({ offset }) => offset)).toEqual([5, 5])
    expect(await offsetsIn(runtime)).toEqual(upTo(6))
  })

  it('accepts nothing of a batch whose item can’t be written; the same batch again is accepted once', async () => {
    const runtime = await started()
    const state = meddled(runtime.state, lakeGroup(runtime), () => Promise.reject(new Error('no state')))
    const stage = stageOf({ ...runtime, state })
    await expect(stage.handle([readingsFrom(0, 3)])).rejects.toThrow('no state')
    expect(await offsetsIn(runtime)).toEqual([])
    await stage.handle([readingsFrom(0, 3)])
    expect(await offsetsIn(runtime)).toEqual(upTo(3))
  })
})

describe('two pollers of one partition', () => {
  it('accept each record once when they overlap at the same time', async () => {
    const runtime = await started()
    const stages = ['one', 'two', 'three'].map((name) => stageOf(anotherProcess(runtime, name)))
    await Promise.all([
      stages[0]!.handle([readingsFrom(0, 6), readingsFrom(6, 12)]),
      stages[1]!.handle([readingsFrom(0, 3), readingsFrom(3, 9)]),
      stages[2]!.handle([readingsFrom(0, 10)]),
    ])
    await stages[0]!.handle([readingsFrom(10, 14)])
    expect((await itemOf(runtime)).body).toMatchObject({ read: 14, last: { offset: 13 } })
    expect(await offsetsIn(runtime)).toEqual(upTo(14))
    expect(await numbersIn(runtime, 'silver.rooms', 'id')).toEqual(upTo(14))
  })

  it('accept each record once when one moves on just before the other writes', async () => {
    const runtime = await started()
    const fast = stageOf(anotherProcess(runtime))
    for (const [from, to] of [
      [0, 4],
      [0, 8],
      [5, 12],
    ] as const) {
      const state = meddled(runtime.state, lakeGroup(runtime), () => fast.handle([readingsFrom(from, to)]))
      await stageOf({ ...runtime, state }).handle([readingsFrom(from, to + 1)])
    }
    expect((await itemOf(runtime)).body).toMatchObject({ read: 13, last: { offset: 12 } })
    expect(await offsetsIn(runtime)).toEqual(upTo(13))
  })
})

describe('an accepted item', () => {
  it('that has grown past 64 KB is relieved by a commit before the next batch, and not earlier', async () => {
    expect(ACCEPTED_LIMIT).toBe(65_536)
    const runtime = await started()
    let relieved = 0
    const stage = stageOf(runtime, async () => {
      relieved++
      await commitAccepted(runtime)
    })
    let count = 0
    while ((await itemOf(runtime)).bytes <= ACCEPTED_LIMIT) {
      await stage.handle([readingsFrom(count, count + 1)])
      count++
      expect(relieved).toBe(0)
    }
    // The other partition's item is small.
    await stage.handle([batch([reading(0, 0)], { partition: 1, from: 100_000 })])
    expect(relieved).toBe(0)
    await stage.handle([readingsFrom(count, count + 1)])
    expect(relieved).toBe(1)
    expect((await itemOf(runtime)).body?.files.map(({ offset }) => offset)).toEqual([count, count])
    await stage.handle([readingsFrom(count + 1, count + 2)])
    expect(relieved).toBe(1)
    expect(await offsetsIn(runtime)).toEqual([...upTo(count + 2), 100_000])
  })

  it('that no commit relieves takes no further batch: the records stay in the topic', async () => {
    const runtime = await started()
    const stage = stageOf(runtime)
    let count = 0
    while ((await itemOf(runtime)).bytes <= ACCEPTED_LIMIT) {
      await stage.handle([readingsFrom(count, count + 1)])
      count++
    }
    await expect(stage.handle([readingsFrom(count, count + 1)])).rejects.toMatchObject({
      code: 'STATE_ITEM_FULL',
      retryable: true,
      message:
        `Expected the files that are accepted of partition 0 to be committed, found ${2 * count} of them waiting, and no room ` +
        'for more. See why the tables take no commits; the records wait in the topic.',
    })
    expect(await offsetsIn(runtime)).toEqual(upTo(count))
    await stage.handle([readingsFrom(count, count + 1)])
    expect(await offsetsIn(runtime)).toEqual(upTo(count + 1))
  })
})
