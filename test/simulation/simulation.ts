import { isSluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import { PAGE_LIMITS, type PageLimits } from '#runtime/page-node.ts'
import { RecordPacker } from '#schema/record-packer.ts'
import { World } from '../golden/world.ts'
import { planOf } from './plans.ts'
import { type Sabotage, SimulatedProcess } from './process.ts'
import { type Fed, recordValue } from './records.ts'
import type { Consumer, Schedule, Step, Task } from './steps.ts'

/** A record in the topic. */
export interface Appended extends Fed {
  readonly offset: number
  readonly appendTime: EpochMillis
}

/** What a step did, for those who read a failure. */
export interface Happened {
  readonly step: Step
  /** Calls that passed, the last of them with the step's fault, if it came to that. */
  readonly calls: readonly string[]
  readonly error: string | null
}

const CONSUMERS: readonly Consumer[] = ['lake', 'windows', 'rows']
/** A page of a few groups is too large. */
const EARLY: PageLimits = { ...PAGE_LIMITS, split: 220, splitPlain: 400 }
const UNHINDERED = Number.POSITIVE_INFINITY

/** Runs a schedule over memory adapters. One process runs at a time, so the same schedule gives the same run. */
export class Simulation {
  readonly schedule: Schedule
  readonly world: World
  readonly appended: Appended[] = []
  readonly happened: Happened[] = []
  /** What must never happen, whatever the schedule. */
  readonly faults: string[] = []
  readonly #sabotage: Sabotage
  readonly #processes = new Map<number, SimulatedProcess>()
  #born = 0

  private constructor(schedule: Schedule, sabotage: Sabotage) {
    this.schedule = schedule
    this.#sabotage = sabotage
    this.world = new World({
      plan: planOf(schedule.plan),
      partitions: schedule.partitions,
      batchSize: 1_000,
      now: schedule.now,
    })
  }

  /** `untilTheEnd` false: stops after the last step of the schedule. */
  static async run(
    schedule: Schedule,
    sabotage: Sabotage = (own) => own,
    { untilTheEnd = true }: { readonly untilTheEnd?: boolean } = {},
  ): Promise<Simulation> {
    const simulation = new Simulation(schedule, sabotage)
    await simulation.world.process()
    for (const step of schedule.steps) await simulation.#step(step)
    if (untilTheEnd) await simulation.#finish()
    if (untilTheEnd && schedule.recreate) await simulation.#recreate()
    return simulation
  }

  async #step(step: Step): Promise<void> {
    switch (step.do) {
      case 'feed':
        this.world.clock.advance(step.advance)
        for (const record of step.records) await this.#append(record)
        return
      case 'wait':
        this.world.clock.advance(step.advance)
        return
      case 'grow':
        this.world.topic.grow(step.partitions)
        return
      case 'kill':
        this.#processes.get(step.who)?.gate.die()
        this.#processes.delete(step.who)
        return
      case 'start':
        if (this.#process(step.who).isBusy) {
          await this.#step({ do: 'go on', who: step.who, calls: null, fault: null })
        }
        return this.#let(step, this.#process(step.who), (process) =>
          process.start(step.task, step.calls ?? UNHINDERED, step.fault),
        )
      case 'go on':
        return this.#let(step, this.#process(step.who), (process) => process.goOn(step.calls ?? UNHINDERED, step.fault))
    }
  }

  async #let(step: Step, process: SimulatedProcess, go: (process: SimulatedProcess) => Promise<void>): Promise<void> {
    process.gate.passed = []
    const before = process.errors.length
    await go(process)
    const error = process.errors[before]
    this.happened.push({ step, calls: process.gate.passed, error: error === undefined ? null : textOf(error) })
    if (error !== undefined && !(isSluiceError(error) && error.retryable)) {
      this.faults.push(`${process.name}: ${textOf(error)}`)
    }
    if ('who' in step && process.gate.isDead) this.#processes.delete(step.who)
  }

  #process(who: number): SimulatedProcess {
    let process = this.#processes.get(who)
    if (process === undefined || process.gate.isDead) {
      process = this.#newProcess()
      this.#processes.set(who, process)
    }
    return process
  }

  #newProcess(): SimulatedProcess {
    return new SimulatedProcess(
      `process ${++this.#born}`,
      this.world,
      this.#sabotage,
      this.schedule.splitsEarly ? EARLY : PAGE_LIMITS,
    )
  }

  async #append(record: Fed): Promise<void> {
    const { topic, clock } = this.world
    // The topic may have been to grow by a step that was left out.
    topic.grow(record.partition + 1)
    const offset = await topic.endOffset(record.partition)
    this.appended.push({ ...record, offset, appendTime: clock.now() })
    const text = recordValue(record)
    const value = text === null ? null : new TextEncoder().encode(text)
    const packer = new RecordPacker()
    packer.add(null, 0, 0, value, 0, value?.length ?? 0)
    await topic.append(record.partition, packer.take())
  }

  /**
   * A new process brings everything to its end; then those that stood still go on, long after they were given up; then once more. Nothing goes
   * wrong now, so that nothing may fail.
   */
  async #finish(): Promise<void> {
    await this.#bringToEnd()
    for (const process of this.#processes.values()) {
      const before = process.errors.length
      await process.goOn(UNHINDERED, null)
      this.#mustNotFail(process, process.errors.slice(before), (error) => !isInjected(error))
    }
    await this.#bringToEnd()
  }

  /**
   * The topic is deleted, and another one has its name: with as many records and some more, appended later, which are read from the start. Who
   * looks into them must stop at the record that is another one, and nothing may come of them.
   */
  async #recreate(): Promise<void> {
    const { world } = this
    const ends = await world.topic.endOffsets()
    world.clock.advance(60_000)
    world.recreateTopic()
    const value = new TextEncoder().encode('{"id":-1}')
    const process = this.#newProcess()
    for (const [partition, end] of ends.entries()) {
      if (end === 0) continue
      const packer = new RecordPacker()
      for (let left = end + 3; left > 0; left--) packer.add(null, 0, 0, value, 0, value.length)
      await world.topic.append(partition, packer.take())
      for (const to of ['lake', 'windows'] as const) {
        await process.start({ do: 'deliver', to, parts: [{ partition, back: 0, size: 10_000 }] }, UNHINDERED, null)
        const [error] = process.errors.splice(0)
        if (isSluiceError(error, 'TOPIC_RECREATED') && !error.retryable) continue
        this.faults.push(`${process.name}: ${to} took another topic's records for its own: ${textOf(error)}`)
      }
    }
  }

  async #bringToEnd(): Promise<void> {
    const process = this.#newProcess()
    // Leases of those that stand still have run out.
    this.world.clock.advance(31_000)
    for (const task of this.#lastTasks()) {
      await process.start(task, UNHINDERED, null)
      this.#mustNotFail(process, process.errors.splice(0), () => true)
    }
  }

  #lastTasks(): readonly Task[] {
    const partitions = Array.from({ length: this.world.topic.partitions }, (_, partition) => partition)
    const parts = partitions.map((partition) => ({ partition, back: 0, size: 10_000 }))
    return [
      ...CONSUMERS.map((to) => ({ do: 'deliver', to, parts }) as const),
      { do: 'close', leased: false },
      { do: 'commit', leased: false },
      { do: 'close all' },
      { do: 'deliver results to tables' },
      { do: 'deliver results to sql' },
    ]
  }

  #mustNotFail(process: SimulatedProcess, errors: readonly unknown[], counts: (error: unknown) => boolean): void {
    for (const error of errors) if (counts(error)) this.faults.push(`${process.name}, at the end: ${textOf(error)}`)
  }
}

const isInjected = (error: unknown): boolean => String((error as Error | undefined)?.message).includes('(injected)')

const textOf = (error: unknown): string =>
  isSluiceError(error) ? `${error.code}: ${error.message}` : String((error as Error | undefined)?.stack ?? error)
