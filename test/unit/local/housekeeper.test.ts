import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE } from '#core/time.ts'
import type { HeldBack } from '#local/held-watermark.ts'
import { Housekeeper } from '#local/housekeeper.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { type LakeStage, lakeStage } from '#runtime/lake.ts'
import { withLease } from '#runtime/lease.ts'
import { openTable } from '#runtime/open-table.ts'
import { preparer } from '#runtime/prepare.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { anotherProcess, NOW, readingsFrom, started, windowsOf } from '../runtime/builders.ts'

const timings = { commitEvery: 1_000, closeEvery: 1_000, checkpointEvery: 3 }

const lakeOf = (runtime: Runtime): LakeStage => lakeStage(runtime, preparer(runtime.plan), async () => {})

const keeperOf = (runtime: Runtime, ends: readonly number[] = [0, 0]): Housekeeper =>
  new Housekeeper(runtime, async () => ends, timings, {})

describe('A housekeeper', () => {
  //   version   0  1  2  3  4  5  6  7
  //   by        –  K  K  S  S  K  K  K      K housekeeper, S a stage that commits by itself
  //   checkpoint               ▲        ▲
  it('writes a checkpoint when the last one is old enough, whoever committed the version at which it was due', async () => {
    const runtime = await started()
    const lake = lakeOf(runtime)
    const keeper = keeperOf(runtime)
    const checkpoints: (number | null)[] = []
    for (const [i, by] of [...'KKSSKKK'].entries()) {
      await lake.handle([readingsFrom(i, i + 1)])
      await (by === 'K' ? keeper.commit() : commitAccepted(anotherProcess(runtime)))
      checkpoints.push(await (await openTable(runtime, 'bronze.rooms')).lastCheckpoint())
    }
    expect(checkpoints).toEqual([null, null, null, null, 5, 5, 5])
    await lake.handle([readingsFrom(7, 8)])
    await keeper.commit()
    expect(await (await openTable(runtime, 'bronze.rooms')).lastCheckpoint()).toBe(8)
  })

  // Partition 0 is at 12:00, partition 1 has a record that nobody has applied.
  //   minute       0      1      2      3     4
  //   partition 1  waits ────────────   read  waits
  //   told                 ▲
  it('tells once of a partition that has held the watermark back for a minute, by its number', async () => {
    const runtime = await started()
    let minute = 0
    const clock = { ...runtime.clock, now: () => NOW + minute * MINUTE }
    const held: string[] = []
    const onHeld = (all: readonly HeldBack[]): void => {
      for (const one of all)
        held.push(`minute ${minute}: partition ${one.partition}, ${one.lag} waiting, since ${one.since - NOW}`)
    }
    let ends = [3, 1]
    const keeper = new Housekeeper({ ...runtime, clock }, async () => ends, timings, { onHeld })
    await windowsOf(runtime).handle([readingsFrom(0, 3)])
    for (; minute < 3; minute++) await keeper.closeNow(false)
    ends = [3, 0]
    await keeper.closeNow(false)
    minute = 4
    ends = [3, 1]
    await keeper.closeNow(false)
    expect(held).toEqual(['minute 1: partition 1, 1 waiting, since 0'])
  })

  it('leaves closing to whoever holds the lease, but at the end of input closes whoever holds it', async () => {
    const runtime = await started()
    await windowsOf(runtime).handle([readingsFrom(0, 3)])
    const rows = async (): Promise<number> => {
      const snapshot = await (await openTable(runtime, 'gold.per_hour')).snapshot()
      return snapshot.totalRows() ?? 0
    }
    const later = { ...runtime, clock: { ...runtime.clock, now: () => NOW + 2 * HOUR } }
    await withLease(later, 'close', HOUR, async () => {
      await keeperOf(later, [3, 0]).close()
      expect(await rows()).toBe(0)
      await keeperOf(later, [3, 0]).finish()
    })
    expect(await rows()).toBe(1)
  })
})
