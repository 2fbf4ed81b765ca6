import { faultsOf } from './checks.ts'
import { chooseSchedule, HARSH } from './choose-schedule.ts'
import { describe } from './describe.ts'
import type { Sabotage } from './process.ts'
import { SABOTAGES, SPLIT_SABOTAGES } from './sabotage.ts'
import { shrink } from './shrink.ts'
import { Simulation } from './simulation.ts'
import type { Schedule } from './steps.ts'

interface Outcome {
  readonly simulation: Simulation | null
  readonly faults: readonly string[]
}

export async function outcomeOf(schedule: Schedule, sabotage?: Sabotage): Promise<Outcome> {
  let simulation: Simulation | null = null
  try {
    simulation = await Simulation.run(schedule, sabotage)
    return { simulation, faults: await faultsOf(simulation) }
  } catch (error) {
    return { simulation, faults: [`the run threw: ${(error as Error).stack}`] }
  }
}

/** Null when all is well; else what is wrong, in the smallest schedule that shows it. */
export async function runSchedule(schedule: Schedule, sabotage?: Sabotage): Promise<string | null> {
  if ((await outcomeOf(schedule, sabotage)).faults.length === 0) return null
  const smallest = await shrink(schedule, async (one) => (await outcomeOf(one, sabotage)).faults.length > 0)
  const { simulation, faults } = await outcomeOf(smallest, sabotage)
  return simulation === null ? faults.join('\n') : describe(simulation, faults)
}

/** A way of breaking exactly-once, and the schedule of a seed that may show it. */
interface Control {
  readonly name: string
  readonly sabotage: Sabotage
  readonly scheduleOf: (seed: number) => Schedule
}

const controlsIn = (sabotages: Readonly<Record<string, Sabotage>>, scheduleOf: Control['scheduleOf']) =>
  Object.entries(sabotages).map(([name, sabotage]): Control => ({ name, sabotage, scheduleOf }))

export const CONTROLS: readonly Control[] = [
  ...controlsIn(SABOTAGES, (seed) => chooseSchedule(seed, HARSH)),
  ...controlsIn(SPLIT_SABOTAGES, (seed) => ({ ...chooseSchedule(seed, HARSH), splitsEarly: true })),
]

/** The first seed from `from` on that fails, and why; null when `seeds` of them pass. */
export async function firstRed(
  { sabotage, scheduleOf }: Control,
  from: number,
  seeds: number,
): Promise<{ seed: number; fault: string } | null> {
  for (let seed = from; seed < from + seeds; seed++) {
    const [fault] = (await outcomeOf(scheduleOf(seed), sabotage)).faults
    if (fault !== undefined) return { seed, fault }
  }
  return null
}
