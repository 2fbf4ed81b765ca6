import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE } from '#core/time.ts'
import { ACCEPTED_LIMIT, acceptedItems } from '#runtime/accepted.ts'
import { type Closed, closeStage } from '#runtime/close.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { listDirty } from '#runtime/dirty.ts'
import { dirtyGroup, lateGroup, pageGroup, progressGroup } from '#runtime/keys.ts'
import { loadProgress } from '#runtime/progress.ts'
import { raiseBounds } from '#runtime/raise-bounds.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { anotherProcess, batch, meddled, noon, reading, readingsFrom, rowsIn, started, windowsOf } from './builders.ts'

const closeUpTo = (runtime: Runtime, minutes: number) =>
  raiseBounds(runtime.state, runtime, { mark: noon(minutes), ended: {} })

const progressOf = async (runtime: Runtime, partition = 0) =>
  (await loadProgress(runtime.state, progressGroup(runtime), partition)).progress

async function lateRows(runtime: Runtime): Promise<readonly Readonly<Record<string, unknown>>[]> {
  await commitAccepted(runtime)
  return rowsIn(runtime, 'late.rooms')
}

const dirtyIn = async (runtime: Runtime) =>
  (await listDirty(runtime.state, dirtyGroup(runtime))).windows.map(
    ({ output, window }) => `${output} ${(window.start - noon()) / MINUTE}–${(window.end - noon()) / MINUTE}`,
  )

/** Everything applied so far is all there is: closes what holds data. Rows as `output start room readings`. */
async function closeAll(runtime: Runtime, ends: readonly number[]): Promise<readonly string[]> {
  const { rows }: Closed = await closeStage(runtime).run({ endOffsets: async () => ends, endOfInput: true })
  return rows.map(
    ({ output, start, group, values }) => `${output} ${(start - noon()) / MINUTE} ${group.join()} ${values.join()}`,
  )
}

describe('the windows stage', () => {
  it('counts each record once in each of its windows, however it is delivered again', async () => {
    const runtime = await started()
    const stage = windowsOf(runtime)
    await stage.handle([batch([reading(0, 10), reading(1, 40)])])
    await stage.handle([batch([reading(0, 10), reading(1, 40), reading(2, 20, 'attic')])])
    await windowsOf(anotherProcess(runtime)).handle([batch([reading(1, 40), reading(2, 20, 'attic')], { from: 1 })])
    expect(await progressOf(runtime)).toMatchObject({ read: 3, counted: 3, late: 0, last: { offset: 2 } })
    expect(await closeAll(runtime, [3, 0])).toEqual([
      'per_hour 0 attic 1',
      'per_hour 0 hall 2',
      'hopping -30 attic 1',
      'hopping -30 hall 1',
      'hopping 0 attic 1',
      'hopping 0 hall 2',
      'hopping 30 hall 1',
    ])
  })

  it('counts each record once where two pollers fold the same partition at the same time', async () => {
    const runtime = await started()
    const stages = ['one', 'two'].map((name) => windowsOf(anotherProcess(runtime, name)))
    await Promise.all([
      stages[0]!.handle([readingsFrom(0, 20), readingsFrom(20, 60)]),
      stages[1]!.handle([readingsFrom(0, 35), readingsFrom(35, 60)]),
    ])
    expect(await progressOf(runtime)).toMatchObject({ read: 60, counted: 60, late: 0 })
    const rows = await closeAll(runtime, [60, 0])
    expect(rows.filter((row) => row.startsWith('per_hour'))).toEqual(['per_hour 0 hall 60'])
  })

  it('counts records once that it folded and then failed to record as progress', async () => {
    const runtime = await started()
    const state = meddled(runtime.state, progressGroup(runtime), () => Promise.reject(new Error('no state')))
    const stage = windowsOf({ ...runtime, state })
    await expect(stage.handle([readingsFrom(0, 5)])).rejects.toThrow('no state')
    await stage.handle([readingsFrom(0, 8)])
    expect(await progressOf(runtime)).toMatchObject({ read: 8, counted: 8 })
    expect((await closeAll(runtime, [8, 0])).filter((row) => row.startsWith('per_hour'))).toEqual(['per_hour 0 hall 8'])
  })

  it('counts what it reads: rejected records too, and the largest event time of those it believes', async () => {
    const runtime = await started()
    const values = [reading(0, 30), 'no reading', reading(2, 5, 'hall', null), reading(3, 20), reading(4, 900)]
    await windowsOf(runtime).handle([batch(values, { appendTime: noon(100) })])
    expect(await progressOf(runtime)).toMatchObject({
      read: 5,
      counted: 2,
      quarantined: 3,
      maxEventTime: noon(30),
      maxEventAppendTime: noon(100),
    })
  })
})

//   11:30   12:00   12:30   13:00   13:30   14:00
//             ├─ per_hour ────┤ . . . grace . . ┤
//     ├─ hopping ─────┤                             no grace
//             ├─ hopping ─────┤
//                ▲ the record, 12:20
describe('a record whose windows are closed', () => {
  const WITHOUT_THE_FIRST_HOPPING = [
    'per_hour 0 attic 1',
    'per_hour 0 hall 2',
    'hopping 0 attic 1',
    'hopping 0 hall 2',
    'hopping 30 hall 1',
  ]
  const late = batch([reading(1, 20, 'attic')], { partition: 1, from: 7 })

  it('too late for all of them is a row in the late table for each output, with its coordinates, and counts nowhere', async () => {
    const runtime = await started()
    await closeUpTo(runtime, 120)
    await windowsOf(runtime).handle([late])
    const coordinates = { topic: 'readings', partition: 1, offset: 7, event_time: noon(20), counted_elsewhere: false }
    expect(await lateRows(runtime)).toEqual([
      {
        ...coordinates,
        output: 'per_hour',
        windows_missed: 1,
        first_window_start: noon(0),
        last_window_end: noon(60),
        late_by_ms: HOUR,
      },
      {
        ...coordinates,
        output: 'hopping',
        windows_missed: 2,
        first_window_start: noon(-30),
        last_window_end: noon(60),
        late_by_ms: HOUR,
      },
    ])
    expect(await progressOf(runtime, 1)).toMatchObject({ read: 1, counted: 0, late: 1, partlyLate: 0 })
    expect(await dirtyIn(runtime)).toEqual([])
  })

  it('within grace of one is late for the other output only, and makes the closed window dirty', async () => {
    const runtime = await started()
    await closeUpTo(runtime, 60)
    await windowsOf(runtime).handle([late])
    expect(await lateRows(runtime)).toMatchObject([
      { output: 'hopping', windows_missed: 2, last_window_end: noon(60), late_by_ms: 0, counted_elsewhere: true },
    ])
    expect(await progressOf(runtime, 1)).toMatchObject({ read: 1, counted: 1, late: 0, partlyLate: 1 })
    expect(await dirtyIn(runtime)).toEqual(['0 0–60'])
  })

  it('that lies in an open window of the same output too is late for the closed one only, and counts in the open one', async () => {
    const runtime = await started()
    const stage = windowsOf(runtime)
    await stage.handle([batch([reading(0, 10), reading(1, 45)])])
    // 45 minutes − outOfOrder, down to whole slices.
    const { upTo, rows } = await closeStage(runtime).run({ endOffsets: async () => [2, 0], endOfInput: false })
    expect([upTo, rows.map(({ output, start }) => [output, start])]).toEqual([noon(30), [['hopping', noon(-30)]]])
    await stage.handle([late])
    expect(await lateRows(runtime)).toMatchObject([
      {
        output: 'hopping',
        windows_missed: 1,
        first_window_start: noon(-30),
        last_window_end: noon(30),
        counted_elsewhere: true,
      },
    ])
    expect(await progressOf(runtime, 1)).toMatchObject({ counted: 1, late: 0, partlyLate: 1 })
    expect(await dirtyIn(runtime)).toEqual([])
    expect(await closeAll(runtime, [2, 8])).toEqual(WITHOUT_THE_FIRST_HOPPING)
  })

  it('is not counted by a window that the late table says it missed, when it comes while that window is being closed', async () => {
    const runtime = await started()
    await windowsOf(runtime).handle([batch([reading(0, 10), reading(1, 45)])])
    // The closer has looked which page is the first and has raised the mark; it has not read the pages yet.
    const arrive = () => windowsOf(anotherProcess(runtime)).handle([late])
    const state = meddled(runtime.state, pageGroup(runtime), arrive, { before: 'list', skip: 1 })
    const { rows } = await closeStage({ ...runtime, state }).run({ endOffsets: async () => [2, 0], endOfInput: false })
    expect(await lateRows(runtime)).toMatchObject([
      { output: 'hopping', first_window_start: noon(-30), last_window_end: noon(30), counted_elsewhere: true },
    ])
    expect(rows.map(({ output, start, group }) => [output, start, ...group])).toEqual([['hopping', noon(-30), 'hall']])
    expect(await closeAll(runtime, [2, 8])).toEqual(WITHOUT_THE_FIRST_HOPPING)
  })

  //   12:00    12:30    13:00
  //     ├─────────────────┤           open: the watermark is 12:55, the mark 12:30
  //        ● late for 11:30–12:30
  //                          ● 13:05, the newest
  it('is counted by an open window that holds nothing else', async () => {
    const runtime = await started()
    const stage = windowsOf(runtime)
    await stage.handle([batch([reading(0, 65)])])
    await closeStage(runtime).run({ endOffsets: async () => [1, 0], endOfInput: false })
    await stage.handle([batch([reading(1, 10, 'attic')], { partition: 1 })])
    expect(await lateRows(runtime)).toMatchObject([{ output: 'hopping', last_window_end: noon(30) }])
    expect(await closeAll(runtime, [1, 1])).toContain('hopping 0 attic 1')
  })

  it('is not late for windows that close only up to the one before', async () => {
    const runtime = await started()
    await closeUpTo(runtime, 29)
    await windowsOf(runtime).handle([late])
    expect(await lateRows(runtime)).toEqual([])
    expect(await progressOf(runtime, 1)).toMatchObject({ counted: 1, partlyLate: 0 })
  })

  it('is one row in the late table, however often it is delivered and whatever fails in between', async () => {
    const runtime = await started()
    await closeUpTo(runtime, 120)
    const state = meddled(runtime.state, progressGroup(runtime), () => Promise.reject(new Error('no state')))
    await expect(windowsOf({ ...runtime, state }).handle([late])).rejects.toThrow('no state')
    // Judged when it was folded: what the mark has become since changes nothing.
    await closeUpTo(runtime, 600)
    await windowsOf(runtime).handle([late])
    await windowsOf(anotherProcess(runtime)).handle([late])
    expect((await lateRows(runtime)).map((row) => [row['output'], row['late_by_ms']])).toEqual([
      ['per_hour', HOUR],
      ['hopping', HOUR],
    ])
    expect(await progressOf(runtime, 1)).toMatchObject({ read: 1, late: 1 })
  })

  it('finds room in the item of late rows: past 64 KB it is committed first', async () => {
    const runtime = await started()
    await closeUpTo(runtime, 120)
    let relieved = 0
    const stage = windowsOf(runtime, async () => {
      relieved++
      await commitAccepted(runtime)
    })
    const item = () => acceptedItems(runtime.state, lateGroup(runtime)).load(1)
    let offset = 0
    while ((await item()).bytes <= ACCEPTED_LIMIT) {
      await stage.handle([batch([reading(1, 20, 'attic')], { partition: 1, from: offset++ })])
      expect(relieved).toBe(0)
    }
    await stage.handle([batch([reading(1, 20, 'attic')], { partition: 1, from: offset++ })])
    expect([relieved, (await item()).body?.files.length]).toEqual([1, 1])
    expect(await lateRows(runtime)).toHaveLength(2 * offset)
  })

  it('but were open when it was folded counts, and makes dirty what closed before the batch was over', async () => {
    const runtime = await started()
    // The mark rises between the fold's look at it and the write of the page.
    const state = meddled(runtime.state, pageGroup(runtime), () => closeUpTo(runtime, 60))
    await windowsOf({ ...runtime, state }).handle([late])
    expect(await lateRows(runtime)).toEqual([])
    expect(await progressOf(runtime, 1)).toMatchObject({ counted: 1, partlyLate: 0 })
    expect(await dirtyIn(runtime)).toEqual(['0 0–60', '1 -30–30', '1 0–60'])
  })
})
