import { type EpochMillis, MINUTE } from '#core/time.ts'
import { c, delta, kafka, pipeline, postgres, sliding, tumbling } from '../../lib/index.ts'
import { grouped, inPhases, type Scenario, seededRandom } from './scenario.ts'

const orders = kafka.topic('orders', {
  schema: { id: c.long(), at: c.timestamp(), shop: c.string(), cents: c.int() },
  key: 'shop',
  eventTime: 'at',
  outOfOrder: '2 minutes',
  partitions: 2,
})

const paid = orders.check({ paid: (row) => row.cents > 0 })

export const corrections = pipeline('corrections', {
  // A correction can lift a shop over the limit: what was published of it is withdrawn.
  quiet_shops: paid
    .groupBy('shop')
    .window(tumbling('10 minutes', { grace: '20 minutes' }))
    .aggregate((a) => ({ orders: a.count(), cents: a.sum('cents') }))
    .where((row) => row.orders < LIMIT)
    .into(delta.table('gold.quiet_shops'), postgres.table('quiet_shops')),
  no_grace: paid
    .groupBy('shop')
    .window(sliding('10 minutes', { every: '5 minutes', grace: '0 seconds' }))
    .aggregate((a) => ({ orders: a.count(), dearest: a.max('cents') }))
    .into(delta.table('gold.no_grace')),
})

const LIMIT = 4
const NOON: EpochMillis = Date.UTC(2026, 4, 5, 12)

export interface Order {
  readonly [column: string]: unknown
  readonly id: number
  readonly at: string
  readonly shop: string
  readonly cents: number
}

const timeOf = (order: Order): EpochMillis => Date.parse(order.at)

/**
 * Minutes after noon; W is where the watermark stands when a phase is over.
 *
 *   phase 1  in order         0 ─────────────────── 42.5      W = 40
 *   phase 2  late         0 ──────────────── 40
 *   phase 3  in order                               43 ─────────────── 72.5   W = 70
 *   phase 4  late                  20 ─────────────────────────── 70
 *
 * so that at minute 5 everything is over, at 25 the tumbling window takes corrections and the sliding ones are over, and at 38
 * one sliding window is open, the other over.
 */
function phasesOf(perMinute: number): readonly (readonly Order[])[] {
  const random = seededRandom(7)
  let id = 0
  const order = (minute: number): Order => ({
    id: id++,
    at: new Date(NOON + Math.floor(minute * MINUTE)).toISOString(),
    shop: `shop ${Math.floor(random() * 4)}`,
    cents: Math.floor(random() * 20) * 100,
  })
  const between = (from: number, to: number): readonly Order[] =>
    Array.from({ length: Math.ceil((to - from) * perMinute) }, () => order(from + random() * (to - from)))
  const inOrder = (from: number, to: number) =>
    [...between(from, to), { ...order(to), cents: 100 }].sort((a, b) => timeOf(a) - timeOf(b))
  return [inOrder(0, 42.5), [order(5), order(25), order(38), ...between(0, 40)], inOrder(43, 72.5), between(20, 70)]
}

/** Closed up to here when a phase begins. */
const MARKS = [Number.NEGATIVE_INFINITY, 40, Number.NEGATIVE_INFINITY, 70].map((minute) => NOON + minute * MINUTE)

const OUTPUTS = [
  { output: 'quiet_shops', every: 10 * MINUTE, grace: 20 * MINUTE },
  { output: 'no_grace', every: 5 * MINUTE, grace: 0 },
]

function answerOf(phases: readonly (readonly Order[])[]): Scenario['answer'] {
  const all = phases.flatMap((orders, phase) =>
    orders.map((order) => ({ ...order, at: timeOf(order), mark: MARKS[phase]! })),
  )
  const good = all.filter(({ cents }) => cents > 0)
  // Each order in each window of each output, and whether it came in time for it.
  const placed = OUTPUTS.flatMap(({ output, every, grace }) =>
    good.flatMap((order) => {
      const starts = []
      for (let start = Math.floor(order.at / every) * every; start > order.at - 10 * MINUTE; start -= every)
        starts.push(start)
      return starts.map((window_start) => {
        const window_end = window_start + 10 * MINUTE
        return { ...order, output, window_start, window_end, counts: window_end + grace > order.mark }
      })
    }),
  )
  const counted = new Set(placed.filter((one) => one.counts).map(({ id }) => id))
  const rowsOf = (output: string) =>
    grouped(
      placed.filter((one) => one.output === output && one.counts),
      (one) => [one.window_start, one.shop],
    )
  const key = ({ window_start, window_end, shop }: (typeof placed)[number]) => ({ window_start, window_end, shop })
  const total = (rows: readonly { cents: number }[]) => rows.reduce((sum, { cents }) => sum + cents, 0)
  const quiet = rowsOf('quiet_shops')
    .filter((rows) => rows.length < LIMIT)
    .map((rows) => ({ ...key(rows[0]!), orders: rows.length, cents: total(rows) }))
  const late = grouped(
    placed.filter((one) => !one.counts),
    (one) => [one.output, one.id],
  ).map((missed) => ({
    event_time: missed[0]!.at,
    output: missed[0]!.output,
    windows_missed: missed.length,
    first_window_start: Math.min(...missed.map((one) => one.window_start)),
    last_window_end: Math.max(...missed.map((one) => one.window_end)),
    late_by_ms: missed[0]!.mark - Math.max(...missed.map((one) => one.window_end)),
    counted_elsewhere: counted.has(missed[0]!.id),
  }))
  return {
    tables: {
      'gold.quiet_shops': quiet,
      'sql quiet_shops': quiet,
      'gold.no_grace': rowsOf('no_grace').map((rows) => {
        return { ...key(rows[0]!), orders: rows.length, dearest: Math.max(...rows.map(({ cents }) => cents)) }
      }),
      'late.corrections': late,
    },
    late: good.filter(({ id }) => !counted.has(id)).length,
    quarantined: all.length - good.length,
  }
}

/** All four phases, or the first so many. */
export function correctionsScenario(options: { readonly perMinute: number; readonly phases?: number }): Scenario {
  const phases = phasesOf(options.perMinute).slice(0, options.phases)
  return inPhases(corrections, phases, timeOf, answerOf(phases))
}
