import { beforeAll, describe, expect, it } from 'vitest'
import { type Contents, differences } from '../support/table-rows.ts'
import { endEverywhere, failEverywhere } from './crashes.ts'
import type { Scenario } from './scenario.ts'
import { expectAccounted, expectAnswer, runPlain, runRedelivered, runShuffled } from './ways.ts'
import type { World } from './world.ts'
import { worldOf } from './world-of.ts'

const SEEDS = [1, 2]
const LONG = { timeout: 120_000 }

/** Five ways of running a scenario, which must all end in the tables of its answer. `small` is for running it very often. */
export function goldenCase(name: string, scenarios: { readonly whole: Scenario; readonly small: Scenario }): void {
  const { whole, small } = scenarios
  describe(name, () => {
    let plain: Contents
    let anywhere: Contents

    beforeAll(async () => {
      const world = await runPlain(whole)
      plain = await world.contents({ coordinates: true })
      anywhere = await world.contents({ coordinates: false })
    })

    it('gives the answer that brute force gives', async () => {
      await expectAnswer(await runPlain(whole), whole)
    })

    it.each(SEEDS)('gives the same tables when records are shuffled within the bound (seed %i)', async (seed) => {
      const world = await runShuffled(whole, seed)
      expect(differences(await world.contents({ coordinates: false }), anywhere)).toEqual([])
      await expectAccounted(world, whole)
    })

    it.each(SEEDS)('gives the same tables when every record is delivered twice (seed %i)', async (seed) => {
      const world = await runRedelivered(whole, seed)
      expect(differences(await world.contents({ coordinates: true }), plain)).toEqual([])
      await expectAccounted(world, whole)
    })

    it.each([1, 2, 3, 5])('gives the same tables on %i partitions', async (partitions) => {
      const world = await runPlain(whole, worldOf(whole, { partitions }))
      expect(differences(await world.contents({ coordinates: false }), anywhere)).toEqual([])
      await expectAccounted(world, whole)
    })

    describe('whatever goes wrong', () => {
      let wanted: Contents

      beforeAll(async () => {
        const undisturbed = await runPlain(small)
        await expectAnswer(undisturbed, small)
        wanted = await undisturbed.contents({ coordinates: true })
      })

      const check = async (world: World, what: string): Promise<void> => {
        expect(differences(await world.contents({ coordinates: true }), wanted), what).toEqual([])
        await expectAccounted(world, small)
      }

      it('gives the same tables when its process ends at any call to a port', LONG, async () => {
        const calls = await endEverywhere(small, check)
        expect(calls.length).toBeGreaterThan(80)
      })

      it('gives the same tables when any write to a port fails, or its answer is lost', LONG, async () => {
        const calls = await failEverywhere(small, check)
        expect(calls.length).toBeGreaterThan(80)
      })
    })
  })
}
