import { describe, expect, it } from 'vitest'
import { MINUTE } from '#core/time.ts'
import { closeStage } from '#runtime/close.ts'
import { addDirty } from '#runtime/dirty.ts'
import { dirtyGroup } from '#runtime/keys.ts'
import { Schedule, type Step } from './schedule.ts'
import { Process } from './world.ts'

const feed = (partition: number, ...minutes: readonly number[]): Step => ({ do: 'feed', partition, minutes })
const deliver = (partition: number, at = 0, meanwhile: readonly Step[] = [], size = 100): Step => ({
  do: 'deliver',
  twin: 0,
  partition,
  back: 0,
  size,
  at,
  meanwhile,
})
const close = (at = 0, meanwhile: readonly Step[] = []): Step => ({ do: 'close', at, meanwhile })

/** More calls than any of these steps makes: those at the end happen at no call, and are checked by `happened`. */
const CALLS = 40

/** Runs `steps` with what is meanwhile before each of the calls of a step; how often it did happen. */
async function atEveryCall(steps: (at: number) => readonly Step[]): Promise<number> {
  let happened = 0
  for (let at = 0; at < CALLS; at++) {
    const schedule = await Schedule.open()
    await schedule.run(steps(at))
    happened += schedule.interrupted
    await schedule.finish()
  }
  return happened
}

describe('Closing and folding at once', () => {
  // outOfOrder 2; windows of 10 with grace 20, and of 10 every 5 without.
  //
  //   fed      0 ──────── 42 ─┐             25, 38: late, in flight
  //   closed to               40 ─────────────┐
  //   fed                       43 ── 72      │ meanwhile closed to 70: 25 is beyond grace now
  it('loses no late record whose window goes beyond grace while its batch is in flight', async () => {
    const happened = await atEveryCall((at) => [
      feed(0, 1, 11, 22, 31, 42),
      deliver(0),
      feed(1, 2, 42),
      deliver(1),
      close(),
      feed(0, 44, 72),
      feed(1, 43, 72),
      deliver(0),
      deliver(1),
      feed(1, 25, 38, 25, 5),
      deliver(1, at, [close(), close()]),
      close(),
    ])
    expect(happened).toBeGreaterThan(8)
  })

  it('publishes each window once, with all its records, when a batch comes at any moment of closing', async () => {
    const happened = await atEveryCall((at) => [
      feed(0, 1, 11, 22, 31, 42),
      deliver(0),
      close(),
      feed(0, 43, 60),
      deliver(0),
      feed(0, 37, 59, 48, 72),
      close(at, [deliver(0)]),
      close(),
    ])
    expect(happened).toBeGreaterThan(12)
  })

  it('gives the rows of one closer when two close at once', async () => {
    const happened = await atEveryCall((at) => [
      feed(0, 1, 11, 22, 31, 42),
      deliver(0),
      close(at, [close(), feed(0, 33, 60), deliver(0), close()]),
      feed(0, 35),
      deliver(0),
      close(),
    ])
    expect(happened).toBeGreaterThan(12)
  })
})

describe('A poller that was overtaken', () => {
  // It stands still before any of its calls; meanwhile another one applies its batch, windows close, and their pages expire.
  it('changes nothing when it goes on, wherever it stood still', async () => {
    const happened = await atEveryCall((at) => [
      feed(0, 1, 12, 14),
      deliver(0, 0, [], 1),
      feed(0, 15, 16),
      deliver(0, at, [
        deliver(0),
        close(),
        feed(0, 40, 60),
        deliver(0),
        close(),
        feed(0, 59, 90, 120, 121),
        deliver(0),
        close(),
        close(),
      ]),
      close(),
    ])
    expect(happened).toBeGreaterThan(8)
  })
})

describe('A closed window that is forgotten, as no record can change it any more,', () => {
  it('is not published again because a poller that was overtaken calls it dirty', async () => {
    const schedule = await Schedule.open()
    // Closed to 20, then to 25: the sliding window [0, 10) is settled, and its pages stay for the grace of the tumbling one.
    await schedule.run([feed(0, 1, 22), deliver(0), close(), feed(0, 27), deliver(0), close()])
    const { state, topic } = schedule.world
    const process = new Process(schedule.world)
    const start = Date.UTC(2026, 4, 5, 12)
    const window = { start, end: start + 10 * MINUTE }
    await addDirty(state, dirtyGroup(process.runtime), 0, [{ output: 1, window }])
    const { rows } = await closeStage(process.runtime).run({ endOffsets: () => topic.endOffsets(), endOfInput: false })
    expect(rows).toEqual([])
    await schedule.finish()
  })
})
