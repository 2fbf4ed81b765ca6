import { expect } from 'vitest'
import { type EpochMillis, MINUTE } from '#core/time.ts'
import { deliverToTables } from '#runtime/deliver.ts'
import { c, delta, kafka, pipeline, sliding, tumbling } from '../../lib/index.ts'
import { PortCalls } from '../support/faulty-ports.ts'
import { latestRows, type TableRow } from '../support/table-rows.ts'
import { Stages } from './stages.ts'
import { Process, World } from './world.ts'

const visits = kafka.topic('visits', {
  schema: { at: c.timestamp(), door: c.string() },
  eventTime: 'at',
  outOfOrder: '2 minutes',
  partitions: 2,
})

const plan = pipeline('visits', {
  with_grace: visits
    .groupBy('door')
    .window(tumbling('10 minutes', { grace: '20 minutes' }))
    .aggregate((a) => ({ visits: a.count() }))
    .where((row) => row.visits !== 3)
    .into(delta.table('gold.with_grace')),
  no_grace: visits
    .groupBy('door')
    .window(sliding('10 minutes', { every: '5 minutes', grace: '0 seconds' }))
    .aggregate((a) => ({ visits: a.count() }))
    .into(delta.table('gold.no_grace')),
})

const NOON: EpochMillis = Date.UTC(2026, 4, 5, 12)
const SIZE = 10 * MINUTE

interface Output {
  readonly name: string
  readonly every: number
  readonly passes: (visits: number) => boolean
}

const OUTPUTS: readonly Output[] = [
  { name: 'with_grace', every: SIZE, passes: (visits) => visits !== 3 },
  { name: 'no_grace', every: 5 * MINUTE, passes: () => true },
]

/** One step of a schedule. What is `meanwhile` happens just before call number `at` of the step, if it makes so many. */
export type Step =
  | { readonly do: 'feed'; readonly partition: number; readonly minutes: readonly number[] }
  | {
      readonly do: 'deliver'
      readonly twin: number
      readonly partition: number
      readonly back: number
      readonly size: number
      readonly at: number
      readonly meanwhile: readonly Step[]
    }
  | { readonly do: 'close'; readonly at: number; readonly meanwhile: readonly Step[] }

/** A topic of two partitions, pollers that may overtake each other, and closers that may run at any moment. */
export class Schedule {
  readonly world: World
  /** How many steps had something happen meanwhile. */
  interrupted = 0
  readonly #fed: {
    readonly partition: number
    readonly offset: number
    readonly at: EpochMillis
    readonly door: string
  }[] = []
  readonly #applied = [0, 0]
  readonly #idle: { readonly calls: PortCalls<World>; readonly stages: Stages }[]

  private constructor(world: World, twins: number) {
    this.world = world
    this.#idle = Array.from({ length: twins }, () => {
      const calls = new PortCalls(world)
      return { calls, stages: new Stages(world, calls) }
    })
  }

  static async open(twins = 3): Promise<Schedule> {
    const world = new World({ plan, partitions: 2, batchSize: 1000 })
    await world.process()
    return new Schedule(world, twins)
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.#step(step)
  }

  #meanwhile(steps: readonly Step[]): Promise<void> {
    if (steps.length > 0) this.interrupted++
    return this.run(steps)
  }

  async #step(step: Step): Promise<void> {
    if (step.do === 'feed') return this.#feed(step.partition, step.minutes)
    if (step.do === 'close') return this.#close(step)
    const { partition, back, size } = step
    // A poller has one batch in hand at a time.
    const twin = this.#idle.splice(step.twin % this.#idle.length, 1)[0]
    if (twin === undefined) return
    const { calls, stages } = twin
    calls.plan(calls.calls.length + step.at, () => this.#meanwhile(step.meanwhile))
    const from = Math.max(0, this.#applied[partition]! - back)
    const next = await stages.handle(partition, from, size)
    calls.clear()
    this.#idle.push(twin)
    this.#applied[partition] = Math.max(this.#applied[partition]!, next)
  }

  async #feed(partition: number, minutes: readonly number[]): Promise<void> {
    for (const minute of minutes) {
      const record = { at: NOON + Math.round(minute * MINUTE), door: `door ${minute % 2 < 1 ? 'east' : 'west'}` }
      this.#fed.push({ partition, offset: await this.world.topic.endOffset(partition), ...record })
      await this.world.feedTo(partition, { ...record, at: new Date(record.at).toISOString() })
    }
  }

  async #close({ at, meanwhile }: Extract<Step, { do: 'close' }>): Promise<void> {
    const calls = new PortCalls(this.world)
    calls.plan(at, () => this.#meanwhile(meanwhile))
    const closer = new Process(this.world, calls)
    await closer.keeper.closeNow(false)
  }

  /** Applies the rest, ends the input, and holds the tables against what was fed and what was judged late. */
  async finish(): Promise<void> {
    for (const partition of [0, 1]) await this.#idle[0]!.stages.deliver(partition, this.#applied[partition]!, 100)
    const process = new Process(this.world)
    await process.keeper.finish()
    await deliverToTables(process.runtime)
    await this.#check()
  }

  async #check(): Promise<void> {
    const run = await this.world.read()
    const late = run.rows('late.visits')
    const keys = late.map((row) => `${row['partition']}/${row['offset']} ${row['output']}`)
    expect(new Set(keys).size, 'each late record once an output').toBe(keys.length)
    const wholly = new Set(
      late.filter((row) => !row['counted_elsewhere']).map((row) => `${row['partition']}/${row['offset']}`),
    )
    const read = this.#fed.length
    expect(run.counts).toMatchObject({ read, counted: read - wholly.size, late: wholly.size, quarantined: 0 })
    for (const output of OUTPUTS) this.#checkCounts(output, latestRows(run.rows(`gold.${output.name}`), ['door']), late)
  }

  /**
   * Every window holds the records that no late row says it has missed. It may hold one that it missed, if that one was folded for
   * another window that shares the slice and this window was corrected afterwards.
   */
  #checkCounts(output: Output, rows: readonly TableRow[], late: readonly TableRow[]): void {
    const keyOf = (row: TableRow): string => `${row['door']} ${row['window_start']} ${row['window_end']}`
    const placed = this.#placed(output, late)
    const timely = Map.groupBy(
      placed.filter((one) => !one.missed),
      keyOf,
    )
    const folded = Map.groupBy(
      placed.filter((one) => !one.missed || one.foldedFor),
      keyOf,
    )
    const found = new Map(rows.map((row) => [keyOf(row), row['visits'] as number]))
    for (const key of new Set([...folded.keys(), ...found.keys()])) {
      const least = timely.get(key)?.length ?? 0
      const most = folded.get(key)?.length ?? 0
      const visits = found.get(key)
      const right = visits === undefined ? least === 0 || !output.passes(least) : visits >= least && visits <= most
      expect(right, `${output.name}: ${key}: ${visits} visits, not ${least} to ${most}`).toBe(true)
      if (visits !== undefined) expect(output.passes(visits), `${output.name}: ${key}`).toBe(true)
    }
  }

  /** Each record in each of its windows, and whether it missed it. */
  #placed({ name, every }: Output, late: readonly TableRow[]) {
    return this.#fed.flatMap(({ partition, offset, at, door }) => {
      const entry = late.find(
        (row) => row['partition'] === partition && row['offset'] === offset && row['output'] === name,
      )
      const missedUpTo = (entry?.['last_window_end'] as number | undefined) ?? Number.NEGATIVE_INFINITY
      const starts = []
      for (let start = Math.floor(at / every) * every; start > at - SIZE; start -= every) starts.push(start)
      const foldedFor = starts.some((start) => start + SIZE > missedUpTo)
      return starts.map((start) => {
        return { door, window_start: start, window_end: start + SIZE, missed: start + SIZE <= missedUpTo, foldedFor }
      })
    })
  }
}
