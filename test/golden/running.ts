import { type EpochMillis, MINUTE } from '#core/time.ts'
import { c, delta, kafka, pipeline, postgres, session, sliding, tumbling } from '../../lib/index.ts'
import { disordered, grouped, type Phase, type Scenario, seededRandom } from './scenario.ts'

const bids = kafka.topic('bids', {
  schema: { id: c.long(), at: c.timestamp(), item: c.string(), cents: c.int() },
  key: 'item',
  eventTime: 'at',
  outOfOrder: '2 minutes',
  partitions: 2,
})

const byItem = bids.groupBy('item')

/** Running rows of items that get too many bids are withdrawn. */
const changing = byItem
  .window(tumbling('10 minutes', { grace: '2 hours' }))
  .aggregate((a) => ({ bids: a.count(), dearest: a.max('cents') }))
  .where((row) => row.bids < MANY)
  .emit('change')
  .into(delta.table('gold.changing'), postgres.table('changing'))

const whole = bids
  .groupBy()
  .window(tumbling('20 minutes', { grace: '2 hours' }))
  .aggregate((a) => ({ bids: a.count() }))
  .emit('complete')
  .into(delta.table('gold.whole'))

/** Every way of coming out, beside each other. */
const all = pipeline('running', {
  changing,
  whole,
  now_and_then: byItem
    .window(sliding('10 minutes', { every: '5 minutes', grace: '2 hours' }))
    .aggregate((a) => ({ bids: a.count() }))
    .emit({ every: '40 seconds' })
    .into(delta.table('gold.now_and_then')),
  runs: byItem
    .window(session('4 minutes', { grace: '2 hours' }))
    .aggregate((a) => ({ bids: a.count() }))
    .emit('change')
    .into(delta.table('gold.runs'), postgres.table('runs')),
})

const two = pipeline('running', { changing, whole })

const MANY = 9
const NOON: EpochMillis = Date.UTC(2026, 4, 5, 12)

interface Bid {
  readonly [column: string]: unknown
  readonly id: number
  readonly at: EpochMillis
  readonly item: string
  readonly cents: number
}

/** In order up to some minute, then late ones within grace, and so once more. */
function phasesOf(perMinute: number): readonly (readonly Bid[])[] {
  const random = seededRandom(11)
  let id = 0
  const between = (from: number, to: number): readonly Bid[] =>
    Array.from({ length: Math.ceil((to - from) * perMinute) }, () => ({
      id: id++,
      at: NOON + Math.floor((from + random() * (to - from)) * MINUTE),
      item: `item ${Math.floor(random() * 3)}`,
      cents: Math.floor(random() * 900),
    }))
  const inOrder = (from: number, to: number) => between(from, to).toSorted((a, b) => a.at - b.at)
  return [inOrder(0, 33), between(0, 30), inOrder(33, 62), between(20, 60)]
}

function answerOf(all: readonly Bid[], ofAll: boolean): Scenario['answer'] {
  const inWindows = (size: number, every: number) =>
    all.flatMap((bid) => {
      const starts = []
      for (let start = Math.floor(bid.at / every) * every; start > bid.at - size; start -= every) starts.push(start)
      return starts.map((start) => ({ ...bid, window_start: start, window_end: start + size }))
    })
  const perItem = (size: number, every: number) =>
    grouped(inWindows(size, every), (row) => [row.window_start, row.item])
  const key = ({ window_start, window_end, item }: Bid & { window_start: number; window_end: number }) => {
    return { window_start, window_end, item }
  }
  const changing = perItem(10 * MINUTE, 10 * MINUTE)
    .filter((rows) => rows.length < MANY)
    .map((rows) => ({ ...key(rows[0]!), bids: rows.length, dearest: Math.max(...rows.map(({ cents }) => cents)) }))
  const whole = grouped(inWindows(20 * MINUTE, 20 * MINUTE), (row) => [row.window_start]).map((rows) => {
    return { window_start: rows[0]!.window_start, window_end: rows[0]!.window_end, bids: rows.length }
  })
  const nowAndThen = perItem(10 * MINUTE, 5 * MINUTE).map((rows) => ({ ...key(rows[0]!), bids: rows.length }))
  const runs = grouped(all, ({ item }) => [item]).flatMap(runsOf)
  return {
    tables: {
      'gold.changing': changing,
      'sql changing': changing,
      'gold.whole': whole,
      ...(ofAll ? { 'gold.now_and_then': nowAndThen, 'gold.runs': runs, 'sql runs': runs } : {}),
    },
    late: 0,
    quarantined: 0,
  }
}

function runsOf(own: readonly Bid[]) {
  const found: Bid[][] = []
  for (const bid of own.toSorted((a, b) => a.at - b.at)) {
    const last = found.at(-1)
    if (last === undefined || bid.at - last.at(-1)!.at > 4 * MINUTE) found.push([bid])
    else last.push(bid)
  }
  return found.map((run) => {
    return { window_start: run[0]!.at, window_end: run.at(-1)!.at + 4 * MINUTE, item: run[0]!.item, bids: run.length }
  })
}

/** All four phases; or the first so many in large batches, for half of the outputs. */
export function runningScenario(options: { readonly perMinute: number; readonly phases?: number }): Scenario {
  const phases = phasesOf(options.perMinute).slice(0, options.phases)
  return {
    plan: options.phases === undefined ? all : two,
    partitions: 2,
    batchSize: Math.ceil(phases[0]!.length / (options.phases === undefined ? 3 : 0.5)),
    phases,
    // Half the bound: the other half is for the clock, which moves between the phases.
    shuffle: (phase: Phase, random) => disordered(phase, (record) => (record as Bid).at, MINUTE, random),
    answer: answerOf(phases.flat(), options.phases === undefined),
  }
}
