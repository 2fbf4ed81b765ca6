import fc from 'fast-check'
import { describe, it } from 'vitest'
import { Schedule, type Step } from '../golden/schedule.ts'

const partition = fc.nat({ max: 1 })
const at = fc.nat({ max: 30 })

/** Mostly near the front, which moves on; sometimes far behind it. */
const minutes = (front: number) =>
  fc
    .array(fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 20 }) }, { weight: 1, arbitrary: fc.nat({ max: 60 }) }), {
      minLength: 1,
      maxLength: 6,
    })
    .map((behind) => behind.map((by) => front - by).sort((a, b) => a - b))

const feed = fc
  .nat({ max: 12 })
  .chain((front) => fc.record({ do: fc.constant('feed' as const), partition, minutes: minutes(60 + front * 15) }))

const steps = (depth: number): fc.Arbitrary<readonly Step[]> => {
  const meanwhile = depth === 0 ? fc.constant([]) : steps(depth - 1)
  const deliver = fc.record({
    do: fc.constant('deliver' as const),
    twin: fc.nat({ max: 2 }),
    partition,
    back: fc.nat({ max: 6 }),
    size: fc.integer({ min: 1, max: 12 }),
    at,
    meanwhile,
  })
  const close = fc.record({ do: fc.constant('close' as const), at, meanwhile })
  return fc.array(
    fc.oneof({ weight: 2, arbitrary: feed }, { weight: 3, arbitrary: deliver }, { weight: 2, arbitrary: close }),
    {
      maxLength: depth === 0 ? 4 : 8,
    },
  )
}

describe('Pollers and closers that overtake each other anywhere', () => {
  it('count each record in every window that no late row says it has missed', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(steps(2), async (schedule) => {
        const run = await Schedule.open()
        await run.run(schedule)
        await run.finish()
      }),
      { numRuns: Number(process.env['SCHEDULES'] ?? 100) },
    )
  })
})
