const expect: any = null
import { type PortCall, PortCalls } from '../support/faulty-ports.ts'
import { type Contents, linesOf, picked } from '../support/table-rows.ts'
import { type Random, type Scenario, seededRandom } from './scenario.ts'
import { Stages } from './stages.ts'
import { Process, World, type WorldOptions } from './world.ts'

export const worldOf = (scenario: Scenario, options: Partial<WorldOptions> = {}): World =>
  new World({ plan: scenario.plan, partitions: scenario.partitions, batchSize: scenario.batchSize, ...options })

/** One process from the first record to the end of input. */
export async function runPlain(scenario: Scenario, world = worldOf(scenario)): Promise<World> {
  const process = await new Process(world).start()
  for (const phase of scenario.phases) {
    await world.feed(phase)
    await process.drain()
    await process.keepHouse()
  }
  await process.finish()
  return world
}

export function runShuffled(scenario: Scenario, seed: number): Promise<World> {
  const random = seededRandom(seed)
  return runPlain({ ...scenario, phases: scenario.phases.map((phase) => scenario.shuffle(phase, random)) })
}

/**
 * Two processes at once, as around a rebalance, and every record at least twice: batches of random size that begin anywhere at
 * or before the end of what was applied, and at the end everything again from offset 0.
 */
export async function runRedelivered(scenario: Scenario, seed: number, world = worldOf(scenario)): Promise<World> {
  const random = seededRandom(seed)
  const process = await new Process(world).start()
  const twins = [new Stages(world), new Stages(world)]
  for (const phase of scenario.phases) {
    await world.feed(phase)
    for (const partition of Array.from({ length: world.topic.partitions }).keys()) {
      await redeliver(world, twins, process, partition, random)
    }
    await process.keepHouse()
  }
  for (const stages of [...twins, new Stages(world)]) {
    for (let partition = 0; partition < world.topic.partitions; partition++) {
      await stages.deliver(partition, 0, world.batchSize * 2)
    }
  }
  await process.finish()
  return world
}

async function redeliver(
  world: World,
  twins: readonly Stages[],
  process: Process,
  partition: number,
  random: Random,
): Promise<void> {
  const end = await world.topic.endOffset(partition)
  const upTo = (limit: number): number => Math.floor(random() * (limit + 1))
  for (const times of [1, 2]) {
    for (let applied = 0; applied < end; ) {
      const from = times === 1 ? upTo(applied) : applied
      const records = 1 + upTo(world.batchSize)
      const next = await twins[upTo(1)]!.handle(partition, from, records)
      applied = Math.max(applied, next)
      if (random() < 0.3) await process.keepHouse()
    }
  }
}

export interface CrashReport {
  readonly calls: readonly PortCall[]
  readonly runs: number
}

/** A scenario that goes on where it was, whatever process runs it. */
class Course {
  readonly #scenario: Scenario
  readonly #world: World
  #phase = 0
  #fed = false

  constructor(scenario: Scenario, world: World) {
    this.#scenario = scenario
    this.#world = world
  }

  async run(calls: PortCalls): Promise<void> {
    const process = await new Process(this.#world, calls).start()
    for (; this.#phase < this.#scenario.phases.length; this.#phase++) {
      if (!this.#fed) await this.#world.feed(this.#scenario.phases[this.#phase]!)
      this.#fed = true
      await process.drain()
      await process.keepHouse()
      this.#fed = false
    }
    await process.finish()
  }
}

const FAULTS = { read: ['crash before'], write: ['crash before', 'crash after', 'lost'] } as const

/**
 * For every call to a port that a run makes: the run whose process ends there; for a write also the one that ends just after it,
 * and the one that goes on without its answer. A new process goes on with the same ports. `check` sees each world in the end.
 */
export async function crashEverywhere(
  scenario: Scenario,
  check: (world: World, what: string) => Promise<void>,
): Promise<CrashReport> {
  const counting = new PortCalls()
  await new Course(scenario, worldOf(scenario)).run(counting)
  let runs = 0
  for (const [number, { name, write }] of counting.calls.entries()) {
    for (const fault of FAULTS[write ? 'write' : 'read']) {
      const world = worldOf(scenario)
      const course = new Course(scenario, world)
      const calls = new PortCalls()
      calls.plan(number, fault)
      const finished = await course.run(calls).then(
        () => true,
        () => false,
      )
      if (finished && fault !== 'lost') throw new Error(`survived ${fault} call ${number}: ${name}`)
      if (!finished) await course.run(new PortCalls())
      await check(world, `${fault} call ${number}: ${name}`)
      runs++
    }
  }
  return { calls: counting.calls, runs }
}

/** Each record is in exactly one of {counted, late, quarantined}. */
export async function expectAccounted(world: World, scenario: Scenario): Promise<void> {
  const { counts } = await world.read()
  const fed = scenario.phases.flat().length
  const { late, quarantined } = scenario.answer
  expect(counts).toMatchObject({ read: fed, counted: fed - late - quarantined, late, quarantined })
}

export async function expectAnswer(world: World, scenario: Scenario): Promise<void> {
  const contents = await rowsOf(world)
  for (const [table, rows] of Object.entries(scenario.answer.tables)) {
    const columns = Object.keys(rows[0]!)
    const found = contents[table]!.map((line) => Object.fromEntries(JSON.parse(line)))
    expect(linesOf(picked(found, columns)), table).toEqual(linesOf(rows))
  }
  await expectAccounted(world, scenario)
}

const rowsOf = (world: World): Promise<Contents> => world.contents({ coordinates: true })
