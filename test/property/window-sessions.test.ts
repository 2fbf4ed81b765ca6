import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HOUR } from '#core/time.ts'
import type { WindowRow } from '#runtime/results.ts'
import { c, delta, kafka, pipeline, session, tumbling } from '../../lib/index.ts'
import { WindowRun } from '../support/window-run.ts'

/** Times here are in quarters of a day: four of them are a page. */
const QUARTER = 6 * HOUR
const GAP = 10

const visits = kafka.topic('visits', {
  schema: { at: c.timestamp(), user: c.string(), value: c.long() },
  eventTime: 'at',
  outOfOrder: '1000 days',
  partitions: 2,
})

interface Rule {
  readonly grace: number
  readonly atGap: 'join' | 'split'
  readonly end: 'gap' | 'last event'
}

function planOf({ grace, atGap, end }: Rule) {
  const sessions = visits
    .groupBy('user')
    .window(session(`${GAP * 6} hours`, { grace: `${grace * 6} hours`, atGap, end }))
    .aggregate((a) => ({ visits: a.count(), values: a.sum('value'), opening: a.first('value') }))
  // Makes slices and pages shorter than sessions are.
  const quarters = visits
    .groupBy('user')
    .window(tumbling('6 hours', { grace: '0 seconds' }))
    .aggregate((a) => ({ visits: a.count() }))
  return pipeline('visits', {
    sessions: sessions.into(delta.table('gold.sessions')),
    quarters: quarters.into(delta.table('gold.quarters')),
  })
}

const rule: fc.Arbitrary<Rule> = fc.record({
  grace: fc.constantFrom(0, 0, 3, 25, 400),
  atGap: fc.constantFrom('join', 'split'),
  end: fc.constantFrom('gap', 'last event'),
})
const visit = fc.record({
  user: fc.constantFrom('a', 'b'),
  /** From the watermark of the case, once there is one. */
  behind: fc.integer({ min: -25, max: 25 }),
  partition: fc.nat(1),
})

interface Visit {
  readonly user: string
  readonly hour: number
}
const placed = visit.map(({ behind, ...rest }) => ({ ...rest, hour: behind * 3 }))
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: visit },
    { weight: 1, arbitrary: fc.record({ advance: fc.integer({ min: 0, max: 20 }) }) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
  ),
  { maxLength: 40 },
)

interface Open {
  readonly user: string
  readonly min: number
  readonly max: number
  readonly count: number
}

/** Sessions record by record, as Flink merges its windows: nothing of slices, pages or revisions. */
class Oracle {
  sessions: readonly Open[] = []
  late = 0
  private readonly rule: Rule

  constructor(rule: Rule) {
    this.rule = rule
  }

  add({ user, hour }: Visit, mark: number | null): void {
    const settled = (mark ?? Number.NEGATIVE_INFINITY) - this.rule.grace
    const isOver = (end: number): boolean => (this.rule.atGap === 'join' ? end < settled : end <= settled)
    const near = this.sessions.filter((one) => {
      const distance = Math.max(one.min - hour, hour - one.max)
      const joins = distance < GAP || (distance === GAP && this.rule.atGap === 'join')
      return one.user === user && joins && !isOver(one.max + GAP)
    })
    if (near.length === 0 && isOver(hour + GAP)) {
      this.late++
      return
    }
    const joined = {
      user,
      min: Math.min(hour, ...near.map(({ min }) => min)),
      max: Math.max(hour, ...near.map(({ max }) => max)),
      count: near.reduce((sum, { count }) => sum + count, 1),
    }
    this.sessions = [...this.sessions.filter((one) => !near.includes(one)), joined]
  }

  closed(mark: number): readonly string[] {
    const tail = this.rule.end === 'gap' ? GAP : 0
    return this.sessions
      .filter(({ max }) => max + GAP <= mark)
      .map(({ user, min, max, count }) => `${user} ${min}–${max + tail}: ${count}`)
      .sort()
  }
}

/** What a table has that takes the highest revision of each row, and no row that was withdrawn. */
class Table {
  private readonly rows = new Map<string, WindowRow>()

  apply(rows: readonly WindowRow[]): void {
    for (const row of rows) {
      if (row.output !== 'sessions') continue
      const key = `${row.group[0]} ${row.start} ${row.end}`
      const old = this.rows.get(key)
      expect(row.revision).toBeGreaterThan(old?.revision ?? -1)
      this.rows.set(key, row)
    }
  }

  shown(): readonly string[] {
    return [...this.rows.values()]
      .filter(({ final }) => final)
      .map(({ group, start, end, values }) => {
        expect(values[1]).toBe(values[0])
        return `${group[0]} ${start / QUARTER}–${end / QUARTER}: ${values[0]}`
      })
      .sort()
  }

  /** By group and start, as a database has them: nothing but what is shown may have the highest revision. */
  byStart(): readonly string[] {
    const highest = new Map<string, WindowRow>()
    for (const row of this.rows.values()) {
      const key = `${row.group[0]} ${row.start}`
      if ((highest.get(key)?.revision ?? -1) < row.revision) highest.set(key, row)
    }
    return [...highest.values()]
      .filter(({ final }) => final)
      .map(({ group, start, end, values }) => `${group[0]} ${start / QUARTER}–${end / QUARTER}: ${values[0]}`)
      .sort()
  }
}

const row = ({ user, hour }: Visit) => ({ at: hour * QUARTER, user, value: 1 })

describe('sessions', () => {
  it('are those that merging record by record gives, at every watermark, with what is late', () =>
    fc.assert(
      fc.asyncProperty(rule, steps, async (own, all) => {
        const run = await WindowRun.start(planOf(own), 2)
        const oracle = new Oracle(own)
        const table = new Table()
        let mark: number | null = null
        for (const step of [...all, { advance: 1000 }]) {
          if (step === 'restart') run.restart()
          else if ('behind' in step) {
            const one = { user: step.user, hour: (mark ?? 0) - step.behind }
            oracle.add(one, mark)
            await run.feed([row(one)], step.partition)
          } else if (run.newest !== null) {
            mark = (mark ?? -30) + step.advance
            table.apply(await run.watermark(mark * QUARTER))
            expect(table.shown()).toEqual(oracle.closed(mark))
            expect(table.byStart()).toEqual(oracle.closed(mark))
          }
        }
        const late = await run.late()
        expect(late.filter((one) => one['output'] === 'sessions')).toHaveLength(oracle.late)
      }),
      { numRuns: 120 },
    ))

  it('without late records are those of a query over all rows, whatever the batches', () =>
    fc.assert(
      fc.asyncProperty(rule, fc.array(fc.array(placed, { maxLength: 12 }), { maxLength: 6 }), async (own, batches) => {
        const run = await WindowRun.start(planOf(own), 2)
        for (const batch of batches) {
          for (const partition of [0, 1]) {
            await run.feed(batch.filter((one) => one.partition === partition).map(row), partition)
          }
        }
        const oracle = new Oracle(own)
        for (const one of batches.flat()) oracle.add(one, null)
        const table = new Table()
        table.apply(await run.endOfInput())
        expect(table.shown()).toEqual(oracle.closed(Number.POSITIVE_INFINITY))
      }),
      { numRuns: 80 },
    ))
})
