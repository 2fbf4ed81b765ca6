import { describe, expect, it } from 'vitest'
import { CONTROLS, outcomeOf } from './run-seed.ts'

/** The first seed that shows it, as `npm run test:simulation -- --controls --from 1 --seeds 1000` finds it. */
const SEEN_BY: Readonly<Record<string, number>> = {
  'pages are written without their condition': 1,
  'accepted files are written without their condition': 56,
  'late rows are written without their condition': 247,
  'progress is written without its condition': 1,
  'the lease is trusted, and closing has no condition': 1,
  'dirty windows are written without their condition': 45,
  'pages have no filter by record': 1,
  'pages are fenced by batch': 1,
  'late is judged before the fence': 1,
  'progress is written before pages': 1,
  'progress is written before dirty windows': 19,
  'dirty windows are not written': 1,
  'closers tell no partition how far they are': 16,
  'the mark is read once, and not for every batch': 0,
  'no txn is written': 1,
  'results are named by their number alone': 1,
  'the database has no fence': 53,
  'end offsets are older than progress': 1,
  'pieces of pages are written without their condition': 31,
  'a page is split without its condition': 31,
  'a page is split before its pieces are written': 5,
  'progress is written before pieces of pages': 5,
}

describe('The simulation fails when', { timeout: 30_000 }, () => {
  it.each(CONTROLS)('$name', async ({ name, sabotage, scheduleOf }) => {
    const schedule = scheduleOf(SEEN_BY[name]!)
    expect((await outcomeOf(schedule)).faults).toEqual([])
    expect((await outcomeOf(schedule, sabotage)).faults).not.toEqual([])
  })

  it('anything is sabotaged that the table knows a seed for, and nothing else', () => {
    expect(Object.keys(SEEN_BY).sort()).toEqual(CONTROLS.map(({ name }) => name).sort())
  })
})
