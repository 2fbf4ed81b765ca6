import { type Calls, type PortCall, PortCalls } from '../support/faulty-ports.ts'
import type { Scenario } from './scenario.ts'
import { Process, type World } from './world.ts'
import { worldOf } from './world-of.ts'

interface Place {
  readonly phase: number
  readonly fed: boolean
}

/** A scenario that goes on where it was, whatever process runs it. */
export class Course {
  place: Place
  readonly #scenario: Scenario

  constructor(scenario: Scenario, place: Place = { phase: 0, fed: false }) {
    this.#scenario = scenario
    this.place = place
  }

  async run(calls: Calls<World>): Promise<void> {
    const process = await new Process(calls.ports, calls).start()
    while (this.place.phase < this.#scenario.phases.length) {
      const { phase, fed } = this.place
      if (!fed) await this.#feed(phase, calls)
      await process.drain()
      await process.keepHouse()
      this.place = { phase: phase + 1, fed: false }
    }
    await process.finish()
  }

  #feed(phase: number, calls: Calls<World>): Promise<void> {
    this.place = { phase, fed: true }
    return calls.note((world) => world.feed(this.#scenario.phases[phase]!))
  }
}

type Check = (world: World, what: string) => Promise<void>

/** What a process does that nothing disturbs. */
async function undisturbed(scenario: Scenario) {
  const calls = new PortCalls(worldOf(scenario))
  const course = new Course(scenario)
  const places: Place[] = []
  calls.onWrite = () => places.push(course.place)
  await course.run(calls)
  return { calls: calls.calls, writes: calls.writes, places }
}

/**
 * Ends the process at every call to a port, before and after the call, and lets a new one go on. What a process that has ended
 * leaves is what it wrote, so that is one run for each number of writes: they are done again to new ports, up to there.
 */
export async function endEverywhere(scenario: Scenario, check: Check): Promise<readonly PortCall[]> {
  const { calls, writes, places } = await undisturbed(scenario)
  for (let written = 0; written <= writes.length; written++) {
    const world = worldOf(scenario)
    for (const write of writes.slice(0, written)) await write(world)
    // The ids of the process that ended are taken.
    world.ids = 1_000_000
    await new Course(scenario, places[written - 1]).run(new PortCalls(world))
    await check(world, `ended after ${written} of ${writes.length} writes`)
  }
  return calls
}

/**
 * Lets every write fail once, and every write have its effect and lose its answer, in a process that lives on: it tries again with
 * what it has in memory, or gives up and a new one goes on.
 */
export async function failEverywhere(scenario: Scenario, check: Check): Promise<readonly PortCall[]> {
  const { calls } = await undisturbed(scenario)
  for (const [number, { name, write }] of calls.entries()) {
    for (const fault of write ? (['fails', 'lost'] as const) : []) {
      const world = worldOf(scenario)
      const course = new Course(scenario)
      const faulty = new PortCalls(world).plan(number, fault)
      const done = await course.run(faulty).then(
        () => true,
        () => false,
      )
      if (!done) await course.run(new PortCalls(world))
      await check(world, `call ${number} ${fault}: ${name}`)
    }
  }
  return calls
}
