import { basename } from 'node:path'
import { count } from '#cli/text.ts'
import { formatDuration } from '#core/duration.ts'
import { SluiceError } from '#core/errors.ts'
import { DAY, type EpochMillis, HOUR, type Millis, SECOND } from '#core/time.ts'
import type { Pace } from '#local/feed.ts'
import type { FeedGate } from '#local/feed-gate.ts'
import { type FedInput, feedInputs } from '#local/feed-inputs.ts'
import { CRIME_FIELDS, crimeSimulator, feedSimulator, type Simulator } from '#local/simulator.ts'
import { isWindowOutput, type Plan, type WindowSpec } from '#plan/plan.ts'
import type { Clock } from '#ports/clock.ts'
import type { TopicWriter } from '#ports/record-source.ts'

/** What a live pipeline is fed with. */
export interface Feed {
  /** In a few words, with its pace. */
  readonly what: string
  /** Whether the topic holds something that isn't simulated: simulated records would be mixed with it, or late. */
  isForeign(target: FeedTarget, topic: TopicBefore): Promise<boolean>
  /** Resolves when the input is over, or soon after the signal aborts. */
  run(target: FeedTarget, signal: AbortSignal): Promise<FeedEnd>
}

/** A running pipeline, to those that feed it. */
export interface FeedTarget {
  readonly writer: TopicWriter
  readonly gate: FeedGate
}

/** What the topic held before. */
export interface TopicBefore {
  readonly records: number
  readonly maxEventTime: EpochMillis | null
}

export type FeedEnd =
  /** Stopped, or nothing is fed at all. */
  { readonly kind: 'stopped' } | { readonly kind: 'read'; readonly inputs: readonly FedInput[] }
export interface FeedChoice {
  readonly plan: Plan
  /** Name of the topic, which may be another than the plan's. */
  readonly topic: string
  readonly inputs: readonly string[]
  /** Seconds of event time a second. */
  readonly speed: number | undefined
  /** Records a second. */
  readonly rate: number | undefined
  /** Simulate nothing unless told to: others write to the topic. */
  readonly brokers: boolean
  readonly simulate: boolean
  readonly clock: Clock
}

/** A day of simulated time every four seconds. */
const SIMULATION_SPEED = DAY / (4 * SECOND)
/** First results of a file come after about so long. */
const FIRST_RESULTS: Millis = 4 * SECOND
/** The first crime of the city's own records is of that day; so no real file is older than what was simulated before it. */
const SIMULATION_START: EpochMillis = Date.UTC(2001, 0, 1, 6)
/** One whose first evening has a wave of thefts. */
const SIMULATION_SEED = 8

const never = async (): Promise<boolean> => false

/** @throws SluiceError USAGE when the options contradict each other, or the pipeline needs an input */
export function chooseFeed(choice: FeedChoice): Feed {
  const { plan, topic, inputs, brokers, simulate } = choice
  checkChoice(choice)
  if (inputs.length > 0) return fileFeed(choice)
  if (brokers && !simulate) {
    return { what: `what others write to topic ${topic}`, isForeign: never, run: async () => ({ kind: 'stopped' }) }
  }
  if (!canSimulate(plan)) {
    throw new SluiceError(
      'USAGE',
      `There is no simulation for pipeline ${plan.name}, only for crimes. Feed it a file: sluice dev ${plan.name} --input FILE.`,
    )
  }
  return simulationFeed(choice)
}

function checkChoice({ inputs, speed, rate, brokers, simulate }: FeedChoice): void {
  const refused = (message: string): SluiceError => new SluiceError('USAGE', `${message} Try: sluice dev --help`)
  if (inputs.length > 0 && simulate) {
    throw refused('Either a file or a simulation: give --input or --simulate, not both.')
  }
  if (speed !== undefined && rate !== undefined) {
    throw refused('--speed goes by event time and --rate by the number of records: give one of them.')
  }
  if (brokers && !simulate && inputs.length === 0 && (speed !== undefined || rate !== undefined)) {
    throw refused(
      '--speed and --rate pace what is fed, and nothing is: with KAFKA_BROKERS give --input or --simulate too.',
    )
  }
}

function canSimulate({ topic }: Plan): boolean {
  const simulated = new Set(CRIME_FIELDS.map(({ name }) => name))
  return (
    topic.fields.every(({ name, column }) => simulated.has(name) || column.nullable) && simulated.has(topic.eventTime)
  )
}

function simulationFeed({ plan, speed, rate, clock }: FeedChoice): Feed {
  const { fields, key } = plan.topic
  const simulator = crimeSimulator({ seed: SIMULATION_SEED, start: SIMULATION_START, fields, key })
  const pace = rate === undefined ? { speed: speed ?? SIMULATION_SPEED } : { rate }
  return {
    what: `simulated crimes, ${paceText(pace)}`,
    async isForeign({ writer }, topic) {
      return isForeign(topic, simulator, await writer.positions(simulator.source))
    },
    async run({ writer, gate }, signal) {
      // The first windows close at once: two quiet days of nothing on the screen would be eight seconds.
      const ahead = speed === undefined && rate === undefined ? headStart(plan, simulator) : 0
      if (ahead > 0) await feedSimulator({ writer, gate, simulator, clock, signal, until: ahead })
      if (!signal.aborted) await feedSimulator({ writer, gate, simulator, clock, signal, ...pace })
      return { kind: 'stopped' }
    },
  }
}

/** Simulated records are reported in order of time: what is newer than the last of them is from elsewhere. */
function isForeign(
  { records, maxEventTime }: TopicBefore,
  simulator: Simulator,
  positions: readonly (number | undefined)[],
): boolean {
  const made = Math.max(0, ...positions.map((position) => position ?? 0))
  if (made === 0) return records > 0
  return maxEventTime !== null && maxEventTime > simulator.reportTime(made) + DAY
}

/** Number of the first record that is reported after the first windows of every output have closed. */
function headStart(plan: Plan, simulator: Simulator): number {
  const until = SIMULATION_START + untilResults(plan) + 6 * HOUR
  let sequence = 0
  while (simulator.reportTime(sequence) < until) sequence++
  return sequence
}

function fileFeed({ plan, inputs, speed, rate, clock }: FeedChoice): Feed {
  const { fields, key, eventTime } = plan.topic
  const pace: Omit<Pace, 'clock'> = rate === undefined ? { speed: speed ?? fileSpeed(plan) } : { rate }
  return {
    what: `${inputs.map((path) => basename(path)).join(', ')}, ${paceText(pace)}`,
    isForeign: never,
    async run({ writer, gate }, signal) {
      const fed = await feedInputs({
        fields,
        key,
        eventTime,
        writer,
        gate,
        paths: inputs,
        signal,
        pace: { clock, ...pace },
      })
      return signal.aborted ? { kind: 'stopped' } : { kind: 'read', inputs: fed }
    },
  }
}

const fileSpeed = (plan: Plan): number => Math.max(1, Math.round(untilResults(plan) / FIRST_RESULTS))

/** How much event time passes from a first record until every output has closed a window. */
function untilResults({ topic, outputs }: Plan): Millis {
  const sizes = outputs.filter(isWindowOutput).map(({ window }) => sizeOf(window))
  return topic.outOfOrder + (sizes.length === 0 ? DAY : Math.max(...sizes))
}

const CALENDAR_DAYS = { day: 1, week: 7, month: 31, quarter: 92, year: 366 }

function sizeOf(window: WindowSpec): Millis {
  if (window.kind === 'session') return window.gap
  return window.kind === 'calendar' ? CALENDAR_DAYS[window.unit] * DAY : window.size
}

function paceText({ speed, rate }: { readonly speed?: number; readonly rate?: number }): string {
  if (speed === undefined) return `${count(rate ?? 0)} records/s`
  if (speed === 1) return 'as fast as it happened'
  const perDay = DAY / speed / SECOND
  const rounded = perDay < 10 ? perDay.toFixed(1).replace(/\.0$/, '') : String(Math.round(perDay))
  return perDay > 300 ? `${count(speed)} times as fast as it happened` : `a day every ${seconds(rounded)}`
}

const seconds = (text: string): string =>
  text.includes('.') ? `${text} seconds` : formatDuration(Number(text) * SECOND)
