import { describe, expect, it } from 'vitest'
import { chooseSchedule } from './choose-schedule.ts'
import { outcomeOf, runSchedule } from './run-seed.ts'
import { SABOTAGES } from './sabotage.ts'
import { Simulation } from './simulation.ts'
import { recordsOf } from './steps.ts'

const SEEDS = Array.from({ length: 25 }, (_, i) => i + 1)

describe('A simulated run', { timeout: 60_000 }, () => {
  it('ends in what a query over all records gives, whatever goes wrong', async () => {
    for (const seed of SEEDS) expect((await outcomeOf(chooseSchedule(seed))).faults, `seed ${seed}`).toEqual([])
  })

  it('makes the same calls each time', async () => {
    const callsOf = async (seed: number) => (await Simulation.run(chooseSchedule(seed))).happened
    for (const seed of [3, 5, 7]) {
      const first = await callsOf(seed)
      expect(await callsOf(seed)).toEqual(first)
      expect(first.flatMap(({ calls }) => calls).length).toBeGreaterThan(9)
    }
  })

  it('splits pages of window state, by some of the seeds', async () => {
    const split: number[] = []
    for (const seed of SEEDS.filter((one) => chooseSchedule(one).splitsEarly)) {
      const { happened } = await Simulation.run(chooseSchedule(seed))
      if (happened.some(({ calls }) => calls.some((call) => call.includes('/leaves ')))) split.push(seed)
    }
    expect(split.length).toBeGreaterThan(1)
  })
})

describe('A run that fails', { timeout: 60_000 }, () => {
  it('is told in the few steps that it takes', async () => {
    const seed = SEEDS.find((one) => recordsOf(chooseSchedule(one).steps).length > 50)!
    const told = await runSchedule(chooseSchedule(seed), SABOTAGES['pages have no filter by record'])
    const steps = told!.split('\n').filter((line) => /^ {2}\d+\. /.test(line))
    expect(chooseSchedule(seed).steps.length).toBeGreaterThan(20)
    expect(steps.length).toBeLessThan(8)
    expect(told).toMatch(/^Plan: \d partitions/)
    expect(told).toContain('\nWrong:\n  ')
  })
})
