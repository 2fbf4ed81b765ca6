import { expect } from 'vitest'
import { type Contents, linesOf, picked } from '../support/table-rows.ts'
import { type Random, type Scenario, seededRandom } from './scenario.ts'
import { Stages } from './stages.ts'
import type { Process, World } from './world.ts'
import { worldOf } from './world-of.ts'

/** One process from the first record to the end of input. */
export async function runPlain(scenario: Scenario, world = worldOf(scenario)): Promise<World> {
  const process = await world.process()
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
  const process = await world.process()
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
