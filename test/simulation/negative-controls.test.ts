import { describe, expect, it } from 'vitest'
import { chooseSchedule, HARSH } from './choose-schedule.ts'
import { outcomeOf } from './run-seed.ts'
import { SABOTAGES } from './sabotage.ts'

/** The first seed that shows it, as `npm run test:simulation -- --controls --from 1 --seeds 1000` finds it. */
const SEEN_BY: Readonly<Record<string, number>> = {
  'pages are written without their condition': 1,
}

describe('The simulation fails when', { timeout: 30_000 }, () => {
  it.each(Object.entries(SABOTAGES))('%s', async (name, sabotage) => {
    const schedule = chooseSchedule(SEEN_BY[name]!, HARSH)
    expect((await outcomeOf(schedule)).faults).toEqual([])
    expect((await outcomeOf(schedule, sabotage)).faults).not.toEqual([])
  })

  it('anything is sabotaged that the table knows a seed for, and nothing else', () => {
    expect(Object.keys(SEEN_BY).sort()).toEqual(Object.keys(SABOTAGES).sort())
  })
})
