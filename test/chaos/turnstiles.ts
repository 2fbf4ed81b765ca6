import { type EpochMillis, MINUTE } from '#core/time.ts'
import { RecordPacker } from '#schema/record-packer.ts'
import { c, delta, kafka, pipeline, tumbling } from '../../lib/index.ts'
import { dice } from '../support/dice.ts'

/** Gates at which people are counted: record `n` is one of them. */
const turnstiles = kafka.topic('turnstiles', {
  schema: { n: c.long(), mixed: c.long(), at: c.timestamp(), gate: c.string() },
  eventTime: 'at',
  outOfOrder: '1 minute',
  partitions: 6,
})

const known = turnstiles.check({ 'gate known': (row) => row.gate !== '' })

export const plan = pipeline('chaos', {
  bronze: turnstiles.into(delta.table('bronze.turnstiles')),
  by_five: known
    .groupBy('gate')
    .window(tumbling('5 minutes', { grace: '5 minutes' }))
    .aggregate((a) => ({ people: a.count(), numbers: a.sum('n'), mixed: a.sum('mixed') }))
    .into(delta.table('gold.by_five')),
  by_fifteen: known
    .groupBy('gate')
    .window(tumbling('15 minutes', { grace: '0 seconds' }))
    .aggregate((a) => ({ people: a.count(), numbers: a.sum('n'), mixed: a.sum('mixed') }))
    .into(delta.table('gold.by_fifteen')),
})

export const WINDOWS = [
  { name: 'by_five', size: 5 * MINUTE },
  { name: 'by_fifteen', size: 15 * MINUTE },
] as const

export const PARTITIONS = plan.topic.partitions
const START: EpochMillis = Date.UTC(2026, 0, 1)
const GATES = 20
/** Event time between two records. */
const STEP = 15

export interface Visit {
  readonly n: number
  readonly mixed: number
  readonly at: EpochMillis
  /** '' ends in quarantine. */
  readonly gate: string
}

/** Numbers of which no two sets of records have the same sum but by chance: a loss that a doubled record makes up for shows. */
const mixedOf = (n: number): number => Math.imul(n + 1, 0x9e3779b1) >>> 0

/** The visits from `n` up to `end`: half a minute out of order, one in 500 far too late, one in 1,000 unknown. */
export function* visits(seed: number, n: number, end: number): Generator<Visit> {
  const roll = dice(seed + n)
  for (let number = n; number < end; number++) {
    const behind = roll() < 0.002 ? 30 * MINUTE * roll() : 0.5 * MINUTE * roll()
    const at = START + number * STEP - Math.floor(behind)
    const gate = roll() < 0.001 ? '' : `gate ${Math.floor(roll() * GATES)}`
    yield { n: number, mixed: mixedOf(number), at, gate }
  }
}

/** Some visits as records of the topic. */
export function packed(some: Iterable<Visit>): ReturnType<RecordPacker['take']> {
  const packer = new RecordPacker()
  const encoder = new TextEncoder()
  for (const { at, ...visit } of some) {
    const value = encoder.encode(JSON.stringify({ ...visit, at: new Date(at).toISOString() }))
    packer.add(null, 0, 0, value, 0, value.length)
  }
  return packer.take()
}
