import { DAY, type EpochMillis, HOUR, type Millis } from '#core/time.ts'
import { Dice } from './dice.ts'
import { choosePlan, type PlanChoice, withAbove } from './plans.ts'
import type { Fed, Flaw } from './records.ts'
import type { Consumer, Fault, Schedule, Step, Task } from './steps.ts'

const FLAWS: readonly Flaw[] = ['tombstone', 'not json', 'no time', 'no door', 'negative', 'clock in 2099']

/** Where event time begins: ordinary days, days on which clocks change, the epoch. */
const STARTS: readonly EpochMillis[] = [
  Date.UTC(2026, 4, 5, 12),
  Date.UTC(2026, 2, 7, 20),
  Date.UTC(2026, 9, 24, 18),
  Date.UTC(2025, 11, 31, 10),
  Date.UTC(1970, 0, 1) - 7 * HOUR,
]
/** A replay of old data happens long after it. */
const REPLAYED: EpochMillis = Date.UTC(2030, 0, 1)

/** How lively a schedule is: drawn once, so that schedules differ from each other more than their parts do. */
interface Mood {
  /** Of records: further behind than the topic promises. */
  readonly veryLate: number
  readonly flawed: number
  /** Of tasks: stops somewhere in between. */
  readonly stops: number
  readonly faulty: number
  readonly redelivers: number
  readonly leased: number
  readonly endsEarly: boolean
  /** Against 12 for all other tasks. */
  readonly races: number
  /** The clock goes with event time, as on a live topic; else it nearly stands still. */
  readonly live: boolean
  readonly processes: number
  /** Tasks between two feeds, at most. */
  readonly tasks: number
}

function chooseMood(dice: Dice): Mood {
  return {
    veryLate: dice.pick([0, 0.1, 0.3, 0.5]),
    flawed: dice.pick([0, 0.05, 0.2]),
    stops: dice.pick([0, 0.3, 0.6, 0.9]),
    faulty: dice.pick([0, 0.4, 0.9]),
    redelivers: dice.pick([0, 0.3, 0.7]),
    leased: dice.pick([0, 0.5, 1]),
    endsEarly: dice.chance(0.15),
    races: dice.pick([0, 2, 6]),
    live: dice.chance(0.5),
    processes: dice.int(1, 5),
    tasks: dice.int(3, 14),
  }
}

/** Much that is late, delivered again, and overtaken. */
export const HARSH: Partial<Mood> = { veryLate: 0.5, stops: 0.5, faulty: 0.5, redelivers: 0.6, races: 8, tasks: 12 }

/** The schedule of a seed, with some of its mood given. */
export function chooseSchedule(seed: number, given: Partial<Mood> = {}): Schedule {
  const dice = new Dice(seed)
  // Dice of their own: all else of a seed's schedule is the same without them.
  const plan = withAbove(new Dice(~seed), choosePlan(dice))
  const mood = { ...chooseMood(dice), ...given }
  const start = dice.pick(plan.unit === HOUR ? STARTS : STARTS.slice(0, 1))
  const live = mood.live && start > DAY
  const feeder = new Feeder(dice, plan, { ...mood, live }, start)
  const partitions = dice.weighted([
    [2, 1],
    [3, 2],
    [2, 3],
    [1, 6],
  ])
  feeder.partitions = partitions
  const steps: Step[] = []
  const feeds = dice.int(2, 12)
  for (let i = 0; i < feeds; i++) {
    steps.push(feeder.feed())
    for (let left = dice.int(1, mood.tasks); left > 0; left--) steps.push(...chooseStep(dice, feeder, mood))
  }
  const now = live ? start : REPLAYED
  // By the seed itself: no dice are thrown for it.
  return { plan, partitions, now, steps, recreate: dice.chance(0.1), splitsEarly: seed % 4 === 2 }
}

class Feeder {
  partitions = 1
  readonly #dice: Dice
  readonly #plan: PlanChoice
  readonly #mood: Mood
  /** Event time of the newest record, or where the clock is of a live topic. */
  #front: EpochMillis
  #nextId = 0

  constructor(dice: Dice, plan: PlanChoice, mood: Mood, start: EpochMillis) {
    this.#dice = dice
    this.#plan = plan
    this.#mood = mood
    this.#front = start
  }

  feed(): Step {
    const { unit } = this.#plan
    const moved = this.#dice.int(0, 12) * (unit / 2)
    this.#front += moved
    const records: Fed[] = []
    for (let left = this.#dice.int(1, 14); left > 0; left--) {
      if (!this.#mood.live) this.#front += this.#dice.int(0, 4) * (unit / 4)
      records.push(this.#record())
    }
    return { do: 'feed', advance: this.#mood.live ? moved : this.#dice.int(0, 3) * 100, records }
  }

  wait(): Step {
    const advance = this.#dice.pick([1_000, 40_000, this.#dice.int(1, 20) * this.#plan.unit])
    if (this.#mood.live) this.#front += advance
    return { do: 'wait', advance }
  }

  grow(): Step {
    this.partitions = Math.min(6, this.partitions + this.#dice.int(1, 2))
    return { do: 'grow', partitions: this.partitions }
  }

  #record(): Fed {
    const dice = this.#dice
    return {
      id: this.#nextId++,
      partition: dice.int(0, this.partitions - 1),
      at: this.#time(),
      who: dice.pick(['ann', 'ann', 'bob', 'cyd']),
      amount: dice.chance(0.2) ? null : dice.int(0, 99),
      weight: dice.chance(0.2) ? null : dice.int(-40, 400) / 4,
      tag: dice.chance(0.2) ? null : dice.pick(['red', 'green', 'blue']),
      flag: dice.chance(0.4),
      flaw: dice.chance(this.#mood.flawed) ? dice.pick(FLAWS) : null,
    }
  }

  /** Often on the boundary of a window; never before the topic's bound, but for records that are very late. */
  #time(): EpochMillis {
    const dice = this.#dice
    const { unit, outOfOrder } = this.#plan
    const front = this.#front
    if (dice.chance(this.#mood.veryLate)) return front - outOfOrder - dice.int(1, dice.pick([6, 20, 60])) * (unit / 2)
    const behind: Millis = dice.chance(0.5) ? dice.int(0, outOfOrder) : 0
    const at = front - behind
    const whole = Math.floor(at / unit) * unit
    return dice.chance(0.3) && whole >= front - outOfOrder ? whole : at
  }
}

function chooseStep(dice: Dice, feeder: Feeder, mood: Mood): readonly Step[] {
  const who = dice.int(0, mood.processes - 1)
  return dice.weighted<() => readonly Step[]>([
    [12, () => [{ do: 'start', who, task: chooseTask(dice, feeder, mood), ...stopping(dice, mood) }]],
    [3, () => [{ do: 'go on', who, ...stopping(dice, mood) }]],
    [mood.races, () => race(dice, feeder, mood, who)],
    [1, () => [feeder.wait()]],
    [0.4, () => [{ do: 'kill', who }]],
    [0.2, () => [feeder.grow()]],
  ])()
}

/** A poller or a closer stands still while others close windows and apply more; then it goes on. */
function race(dice: Dice, feeder: Feeder, mood: Mood, who: number): readonly Step[] {
  const start = (by: number, task: Task): Step => ({ do: 'start', who: by, task, calls: null, fault: null })
  const others = [who + 1, who + 2]
  const meanwhile = Array.from({ length: dice.int(1, 4) }, (): Step => {
    const by = dice.pick(others)
    return dice.weighted<() => Step>([
      [4, () => start(by, { do: 'close', leased: false })],
      [3, () => start(by, deliver(dice, 'windows', feeder, mood))],
      [1, () => start(by, { do: 'commit', leased: false })],
      [2, () => feeder.feed()],
      [1, () => feeder.wait()],
    ])()
  })
  const task: Task = dice.chance(0.6) ? deliver(dice, 'windows', feeder, mood) : { do: 'close', leased: false }
  const calls = dice.int(1, task.do === 'close' ? 20 : 9)
  return [{ do: 'start', who, task, calls, fault: null }, ...meanwhile, { do: 'go on', who, ...stopping(dice, mood) }]
}

const FAULTS: readonly Fault[] = [
  'fails',
  'fails',
  'answer lost',
  'answer lost',
  'answer slow',
  'crash before',
  'crash after',
]

function stopping(dice: Dice, mood: Mood): { readonly calls: number | null; readonly fault: Fault | null } {
  if (!dice.chance(mood.stops)) return { calls: null, fault: null }
  const calls = dice.int(1, dice.pick([5, 10, 25]))
  return { calls, fault: dice.chance(mood.faulty) ? dice.pick(FAULTS) : null }
}

function chooseTask(dice: Dice, feeder: Feeder, mood: Mood): Task {
  const leased = dice.chance(mood.leased)
  return dice.weighted<() => Task>([
    [9, () => deliver(dice, 'windows', feeder, mood)],
    [3, () => deliver(dice, 'lake', feeder, mood)],
    [2.5, () => deliver(dice, 'rows', feeder, mood)],
    [2, () => ({ do: 'commit', leased })],
    [6, () => ({ do: 'close', leased })],
    [1.5, () => ({ do: 'deliver results to tables' })],
    [2, () => ({ do: 'deliver results to sql' })],
    [mood.endsEarly ? 1 : 0, () => ({ do: 'close all' })],
  ])()
}

/** Some partitions in one payload; sometimes from far before what is committed. */
function deliver(dice: Dice, to: Consumer, feeder: Feeder, mood: Mood): Task {
  const all = Array.from({ length: feeder.partitions }, (_, partition) => partition)
  const parts = dice.some(all, dice.pick([0.3, 1])).map((partition) => ({
    partition,
    back: dice.chance(mood.redelivers) ? dice.int(1, dice.pick([3, 12, 1_000])) : 0,
    size: dice.pick([1, dice.int(2, 8), dice.int(4, 30), 1_000]),
  }))
  return { do: 'deliver', to, parts }
}
