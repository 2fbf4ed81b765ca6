import { type EpochMillis, MINUTE } from '#core/time.ts'
import { c, cumulating, delta, kafka, pipeline, postgres, session } from '../../lib/index.ts'
import { grouped, inPhases, type Scenario, seededRandom } from './scenario.ts'

const clicks = kafka.topic('clicks', {
  schema: { id: c.long(), at: c.timestamp(), user: c.string(), page: c.string(), paid: c.boolean() },
  key: 'page',
  eventTime: 'at',
  outOfOrder: '2 minutes',
  partitions: 2,
})

/** Partitions have nothing to do with users, so that most sessions have records of several. */
export const visits = pipeline('visits', {
  visits: clicks
    .groupBy('user')
    .window(session('5 minutes', { grace: '2 hours' }))
    .aggregate((a) => ({
      clicks: a.count(),
      paid: a.count({ where: 'paid' }),
      pages: a.distinct('page'),
      entry: a.first('page'),
      exit: a.last('page'),
      path: a.collect('id', { limit: 4 }),
    }))
    .into(delta.table('gold.visits'), postgres.table('visits')),
  long_visits: clicks
    .groupBy('user')
    .window(session('3 minutes', { grace: '2 hours', atGap: 'split', end: 'last event' }))
    .aggregate((a) => ({ clicks: a.count() }))
    .where((row) => row.clicks >= LONG)
    .into(delta.table('gold.long_visits')),
  today: clicks
    .groupBy()
    .window(cumulating('30 minutes', { step: '10 minutes', grace: '2 hours' }))
    .aggregate((a) => ({ clicks: a.count() }))
    .into(postgres.table('today')),
})

const LONG = 3
const NOON: EpochMillis = Date.UTC(2026, 4, 5, 12)

interface Click {
  readonly [column: string]: unknown
  readonly id: number
  readonly at: EpochMillis
  readonly user: string
  readonly page: string
  readonly paid: boolean
}

/** In order up to some minute, then late ones that join what was published, and so once more. Grace covers all of them. */
function phasesOf(perMinute: number): readonly (readonly Click[])[] {
  const random = seededRandom(5)
  let id = 0
  const between = (from: number, to: number): readonly Click[] =>
    Array.from({ length: Math.ceil((to - from) * perMinute) }, () => ({
      // No two at one time: then first and last don't depend on the partitions.
      at: NOON + Math.floor((from + random() * (to - from)) * 600) * 100 + (id % 100),
      id: id++,
      user: `user ${Math.floor(random() * 3)}`,
      page: `page ${Math.floor(random() * 9)}`,
      paid: random() < 0.3,
    }))
  const inOrder = (from: number, to: number) => between(from, to).toSorted((a, b) => a.at - b.at)
  return [inOrder(0, 42), between(0, 40), inOrder(43, 72), between(20, 70)]
}

function sessionsOf(
  clicksOfUser: readonly Click[],
  isApart: (distance: number) => boolean,
): readonly (readonly Click[])[] {
  const sessions: Click[][] = []
  for (const click of clicksOfUser.toSorted((a, b) => a.at - b.at)) {
    const last = sessions.at(-1)
    if (last === undefined || isApart(click.at - last.at(-1)!.at)) sessions.push([click])
    else last.push(click)
  }
  return sessions
}

function answerOf(all: readonly Click[]): Scenario['answer'] {
  const byUser = grouped(all, ({ user }) => [user])
  const found = byUser.flatMap((own) => sessionsOf(own, (distance) => distance > 5 * MINUTE))
  const rows = found.map((own) => ({
    user: own[0]!.user,
    window_start: own[0]!.at,
    window_end: own.at(-1)!.at + 5 * MINUTE,
    clicks: own.length,
    paid: own.filter(({ paid }) => paid).length,
    pages: new Set(own.map(({ page }) => page)).size,
    entry: own[0]!.page,
    exit: own.at(-1)!.page,
    path: JSON.stringify({ values: own.slice(0, 4).map(({ id }) => id), left_out: Math.max(0, own.length - 4) }),
  }))
  const long = byUser.flatMap((own) => sessionsOf(own, (distance) => distance >= 3 * MINUTE))
  return {
    tables: {
      'gold.visits': rows,
      'sql visits': rows,
      'gold.long_visits': long
        .filter((own) => own.length >= LONG)
        .map((own) => {
          return { user: own[0]!.user, window_start: own[0]!.at, window_end: own.at(-1)!.at, clicks: own.length }
        }),
      'sql today': cumulated(all),
    },
    late: 0,
    quarantined: 0,
  }
}

function cumulated(all: readonly Click[]) {
  const period = 30 * MINUTE
  return grouped(all, ({ at }) => [Math.floor(at / period)]).flatMap((own) => {
    const start = Math.floor(own[0]!.at / period) * period
    return [10, 20, 30].flatMap((minutes) => {
      const clicksUpTo = own.filter(({ at }) => at < start + minutes * MINUTE).length
      if (clicksUpTo === 0) return []
      return [{ window_start: start, window_end: start + minutes * MINUTE, clicks: clicksUpTo }]
    })
  })
}

/** All four phases, or the first so many. */
export function visitsScenario(options: { readonly perMinute: number; readonly phases?: number }): Scenario {
  const phases = phasesOf(options.perMinute).slice(0, options.phases)
  return inPhases(visits, phases, ({ at }) => at, answerOf(phases.flat()))
}
