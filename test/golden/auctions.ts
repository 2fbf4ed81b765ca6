import { type EpochMillis, MINUTE } from '#core/time.ts'
import { c, delta, kafka, pipeline, postgres, sliding, tumbling } from '../../lib/index.ts'
import { disordered, grouped, type Phase, type Scenario, seededRandom } from './scenario.ts'

const bids = kafka.topic('bids', {
  schema: { id: c.long(), at: c.timestamp(), auction: c.string() },
  key: 'auction',
  eventTime: 'at',
  outOfOrder: '2 minutes',
  partitions: 2,
})

const counts = bids
  .groupBy('auction')
  .window(sliding('10 minutes', { every: '5 minutes', grace: '2 hours' }))
  .aggregate((a) => ({ bids: a.count() }))

/** Nexmark's hot items: the most bids that any auction has in a window. */
const hottest = counts
  .groupBy()
  .aggregate((a) => ({ top: a.max('bids'), auctions: a.count() }))
  .into(delta.table('gold.hottest'), postgres.table('hottest'))

/** Of results that have no table; some of them drop out when a correction comes. */
const quiet = counts
  .where((row) => row.bids < MANY)
  .groupBy('auction')
  .window(tumbling('30 minutes', { grace: '3 hours' }))
  .aggregate((a) => ({ windows: a.count(), bids: a.sum('bids'), last: a.last('window_end') }))

const quietest = quiet
  .groupBy()
  .window(tumbling('1 hour', { grace: '3 hours' }))
  .aggregate((a) => ({ most: a.max('windows'), auctions: a.distinct('auction') }))
  .into(delta.table('gold.quietest'))

const all = pipeline('auctions', {
  quietest,
  hottest,
  quiet: quiet.emit('change').into(delta.table('gold.quiet'), postgres.table('quiet')),
  counts: counts.into(delta.table('gold.counts')),
})

const two = pipeline('auctions', { quietest, hottest })

const MANY = 7
const NOON: EpochMillis = Date.UTC(2026, 4, 5, 12)

interface Bid {
  readonly [column: string]: unknown
  readonly id: number
  readonly at: EpochMillis
  readonly auction: string
}

/** In order up to some minute, then late ones within grace, and so once more. */
function phasesOf(perMinute: number): readonly (readonly Bid[])[] {
  const random = seededRandom(23)
  let id = 0
  const between = (from: number, to: number): readonly Bid[] =>
    Array.from({ length: Math.ceil((to - from) * perMinute) }, () => ({
      id: id++,
      at: NOON + Math.floor((from + random() * (to - from)) * MINUTE),
      auction: `auction ${Math.floor(random() * 4)}`,
    }))
  const inOrder = (from: number, to: number) => between(from, to).toSorted((a, b) => a.at - b.at)
  return [inOrder(0, 48), between(0, 45), inOrder(48, 97), between(20, 95)]
}

function answerOf(every: readonly Bid[], ofAll: boolean): Scenario['answer'] {
  const [size, slide] = [10 * MINUTE, 5 * MINUTE]
  const placed = every.flatMap(({ at, auction }) =>
    [0, 1].map((back) => ({ auction, window_start: (Math.floor(at / slide) - back) * slide })),
  )
  const counted = grouped(placed, (row) => [row.window_start, row.auction]).map((rows) => ({
    ...rows[0]!,
    window_end: rows[0]!.window_start + size,
    bids: rows.length,
  }))
  const hottestRows = grouped(counted, (row) => [row.window_start]).map((rows) => {
    const { window_start, window_end } = rows[0]!
    return { window_start, window_end, top: Math.max(...rows.map((row) => row.bids)), auctions: rows.length }
  })
  const inPeriods = <Row extends { readonly window_end: number }>(rows: readonly Row[], period: number) =>
    rows.map((row) => {
      const start = Math.floor((row.window_end - 1) / period) * period
      return { ...row, window_start: start, window_end: start + period, ended: row.window_end }
    })
  const halfHours = inPeriods(
    counted.filter((row) => row.bids < MANY),
    30 * MINUTE,
  )
  const quietRows = grouped(halfHours, (row) => [row.window_start, row.auction]).map((rows) => {
    const { window_start, window_end, auction } = rows[0]!
    const total = rows.reduce((sum, row) => sum + row.bids, 0)
    const last = Math.max(...rows.map((row) => row.ended))
    return { window_start, window_end, auction, windows: rows.length, bids: total, last }
  })
  const quietestRows = grouped(inPeriods(quietRows, 60 * MINUTE), (row) => [row.window_start]).map((rows) => {
    const { window_start, window_end } = rows[0]!
    const auctions = new Set(rows.map((row) => row.auction)).size
    return { window_start, window_end, most: Math.max(...rows.map((row) => row.windows)), auctions }
  })
  return {
    tables: {
      'gold.hottest': hottestRows,
      'sql hottest': hottestRows,
      'gold.quietest': quietestRows,
      ...(ofAll ? { 'gold.quiet': quietRows, 'sql quiet': quietRows, 'gold.counts': counted } : {}),
    },
    late: 0,
    quarantined: 0,
  }
}

/** All four phases; or the first so many in large batches, without the tables of the results in between. */
export function auctionsScenario(options: { readonly perMinute: number; readonly phases?: number }): Scenario {
  const phases = phasesOf(options.perMinute).slice(0, options.phases)
  const whole = options.phases === undefined
  return {
    plan: whole ? all : two,
    partitions: 2,
    batchSize: Math.ceil(phases[0]!.length / (whole ? 3 : 0.5)),
    phases,
    // Half the bound: the other half is for the clock, which moves between the phases.
    shuffle: (phase: Phase, random) => disordered(phase, (record) => (record as Bid).at, MINUTE, random),
    answer: answerOf(phases.flat(), whole),
  }
}
