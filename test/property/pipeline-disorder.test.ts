import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EpochMillis, MINUTE } from '#core/time.ts'
import { Dice } from '../simulation/dice.ts'
import { choosePlan } from '../simulation/plans.ts'
import { outcomeOf } from '../simulation/run-seed.ts'
import type { Step } from '../simulation/steps.ts'

const NOON: EpochMillis = Date.UTC(2026, 4, 5, 12)
const PARTITIONS = 3
/** All times are within so many units of each other. */
const SPREAD = 120

/** In no order at all, many at the same time. */
const record = fc.record({
  at: fc.nat({ max: SPREAD * 2 }),
  partition: fc.nat({ max: PARTITIONS - 1 }),
  who: fc.constantFrom('ann', 'bob', 'cyd'),
  amount: fc.option(fc.nat({ max: 99 })),
  weight: fc.option(fc.integer({ min: -40, max: 400 }).map((quarters) => quarters / 4)),
  tag: fc.option(fc.constantFrom('red', 'green', 'blue')),
  flag: fc.boolean(),
})
const part = fc.record({
  partition: fc.nat({ max: PARTITIONS - 1 }),
  back: fc.constant(0),
  size: fc.integer({ min: 1, max: 20 }),
})
const parts = fc.uniqueArray(part, { minLength: 1, selector: ({ partition }) => partition })

const rounds = fc.array(
  fc.record({
    records: fc.array(record, { maxLength: 15 }),
    payloads: fc.array(parts, { maxLength: 3 }),
    closes: fc.boolean(),
  }),
  { maxLength: 5 },
)

describe('A pipeline of any windows', { timeout: 60_000 }, () => {
  it('gives what a query over all records gives, whatever their order, partitions and batches', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(), rounds, async (seed, all) => {
        const chosen = choosePlan(new Dice(seed))
        const plan = { ...chosen, outOfOrder: SPREAD * chosen.unit }
        let id = 0
        const steps = all.flatMap(({ records, payloads, closes }): readonly Step[] => {
          const start = { do: 'start', who: 0, calls: null, fault: null } as const
          const fed = records.map((one) => {
            return { ...one, id: id++, at: NOON + one.at * (plan.unit / 2), flaw: null }
          })
          return [
            { do: 'feed', advance: 0, records: fed },
            ...payloads.map((taken): Step => ({ ...start, task: { do: 'deliver', to: 'windows', parts: taken } })),
            ...(closes ? [{ ...start, task: { do: 'close', leased: false } } as const] : []),
          ]
        })
        const schedule = {
          plan,
          partitions: PARTITIONS,
          now: NOON + 1_000_000 * MINUTE,
          steps,
          recreate: false,
          splitsEarly: false,
        }
        const { simulation, faults } = await outcomeOf(schedule)
        expect(faults).toEqual([])
        expect((await simulation!.world.read()).counts).toMatchObject({ read: id, counted: id, late: 0 })
      }),
      { numRuns: 40 },
    ))
})
