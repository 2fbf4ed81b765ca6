import type { Scenario } from './scenario.ts'
import { World, type WorldOptions } from './world.ts'

/** What a scenario is run in. */
export const worldOf = (scenario: Scenario, options: Partial<WorldOptions> = {}): World =>
  new World({ plan: scenario.plan, partitions: scenario.partitions, batchSize: scenario.batchSize, ...options })
