import { type EpochMillis, HOUR, MINUTE } from '#core/time.ts'
import { anomaly, c, delta, kafka, pipeline, postgres, tumbling } from '../../lib/index.ts'
import { disordered, grouped, type Phase, type Scenario, seededRandom } from './scenario.ts'

const visits = kafka.topic('visits', {
  schema: { id: c.long(), at: c.timestamp(), door: c.string() },
  key: 'id',
  eventTime: 'at',
  outOfOrder: '10 minutes',
  partitions: 2,
})

const perHour = visits
  .groupBy('door')
  .window(tumbling('1 hour', { grace: '12 hours' }))
  .aggregate((a) => ({ visits: a.count() }))

const OPENS = 7
const RESOLVES = 4

/** The keys have nothing to do with doors: most windows have records of several partitions. */
export const alerts = pipeline('alerts', {
  crowds: perHour
    .detect(anomaly.threshold({ column: 'visits', opensAt: OPENS, resolvesAt: RESOLVES, resolvesAfter: 2 }))
    .into(delta.table('gold.crowds'), postgres.table('crowds')),
  changes: perHour
    .detect(anomaly.change({ column: 'visits', factor: 3, side: 'both', atLeast: 3 }))
    .into(delta.table('gold.changes')),
})

const NOON: EpochMillis = Date.UTC(2026, 4, 5, 12)
const DOORS = ['east', 'west', 'north']

interface Visit {
  readonly [column: string]: unknown
  readonly id: number
  readonly at: EpochMillis
  readonly door: string
}

/** Hours in order, then late ones that come into windows which are closed, and so once more. Grace covers all of them. */
function phasesOf(perHour: number): readonly Phase[] {
  const random = seededRandom(11)
  let id = 0
  const between = (from: number, to: number, density: number): readonly Visit[] =>
    Array.from({ length: Math.ceil((to - from) * density) }, () => {
      const hour = from + random() * (to - from)
      // Every other hour most come by one door.
      const door = random() < 0.5 ? DOORS[Math.floor(hour / 2) % 3]! : DOORS[Math.floor(random() * 3)]!
      return { id: id++, at: NOON + Math.floor(hour * 60) * MINUTE, door }
    })
  const inOrder = (from: number, to: number) => between(from, to, perHour).toSorted((a, b) => a.at - b.at)
  return [inOrder(0, 8), between(1, 7, perHour / 4), inOrder(8.5, 14), between(4, 13, perHour / 6)]
}

/** Alerts of the threshold, hour by hour: the state of each door is one open alert at most. */
function crowdsOf(all: readonly Visit[]): Scenario['answer']['tables'][string] {
  const hourOf = ({ at }: Visit): number => Math.floor((at - NOON) / HOUR)
  const last = Math.max(...all.map(hourOf))
  return grouped(all, ({ door }) => [door]).flatMap((own) => {
    const found = []
    let open: Record<string, unknown> | null = null
    let calm = 0
    for (let hour = Math.min(...own.map(hourOf)); hour <= last; hour++) {
      const count = own.filter((visit) => hourOf(visit) === hour).length
      if (open === null && count >= OPENS) {
        const start = NOON + hour * HOUR
        open = { door: own[0]!.door, window_start: start, window_end: start + HOUR, observed: count }
        calm = 0
      } else if (open !== null) {
        calm = count < RESOLVES ? calm + 1 : 0
        if (calm < 2) continue
        found.push({ ...open, alert_state: 'resolved', resolved_at: NOON + (hour + 1) * HOUR })
        open = null
      }
    }
    if (open !== null) found.push({ ...open, alert_state: 'open', resolved_at: null })
    return found
  })
}

/** All four phases, or the first so many. */
export function alertsScenario(options: { readonly perHour: number; readonly phases?: number }): Scenario {
  const phases = phasesOf(options.perHour).slice(0, options.phases)
  const all = phases.flat() as unknown as readonly Visit[]
  return {
    plan: alerts,
    partitions: 2,
    batchSize: Math.ceil(phases[0]!.length * 1.2),
    phases,
    // Half the bound: the other half is for the clock, which moves between the phases.
    shuffle: (phase, random) => disordered(phase, (record) => (record as Visit).at, 5 * MINUTE, random),
    answer: { tables: { 'gold.crowds': crowdsOf(all), 'sql crowds': crowdsOf(all) }, late: 0, quarantined: 0 },
  }
}
