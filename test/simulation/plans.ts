import type { Duration } from '#core/duration.ts'
import { HOUR, MINUTE, type Millis } from '#core/time.ts'
import type { Plan, SessionSpec, WindowSpec } from '#plan/plan.ts'
import {
  c,
  calendar,
  cumulating,
  delta,
  kafka,
  pipeline,
  postgres,
  session,
  sliding,
  tumbling,
} from '../../lib/index.ts'
import type { Dice } from './dice.ts'

/** A window output as data, so that a failure can be printed and made smaller. */
export interface OutputChoice {
  readonly name: string
  readonly groupBy: readonly GroupName[]
  readonly window: WindowSpec
  readonly aggregates: readonly AggregateName[]
  /** Rows whose number of records it divides are not published; null for all rows. */
  readonly having: number | null
  readonly emit: EmitChoice
  readonly sinks: readonly ('delta' | 'sql')[]
  /** Another output over its results, `above_<name>`: by window how many there are, and the most records that one has. */
  readonly above?: AboveChoice
}

/** Results in their own windows (null), or in others. */
export interface AboveChoice {
  readonly window: Exclude<WindowSpec, SessionSpec> | null
  readonly emit: EmitChoice
}

export interface PlanChoice {
  /** What times are multiples of. */
  readonly unit: Millis
  readonly outOfOrder: Millis
  readonly outputs: readonly OutputChoice[]
  /** Rows of the records themselves go to SQL, too. */
  readonly rowsToSql: boolean
}

/** `often`: running results every so often. */
export type EmitChoice = 'final' | 'change' | 'often' | 'complete'

export type GroupName = 'who' | 'flag' | 'tag'
/** All outputs have `ids` and `n` besides. */
export type AggregateName = 'total' | 'low' | 'high' | 'mean' | 'opening' | 'closing' | 'flags' | 'tags'

export const AGGREGATES: readonly AggregateName[] = [
  'total',
  'low',
  'high',
  'mean',
  'opening',
  'closing',
  'flags',
  'tags',
]

/** Every id of a window is in `ids`: no window may have more records. */
export const MOST_RECORDS = 1_000

export const NOT_NEGATIVE = 'amount is not negative'

/** The Plan of the choice: bronze, silver, the latest record of each door, and the windows. */
export function planOf(choice: PlanChoice): Plan {
  const events = kafka.topic('events', {
    schema: {
      id: c.long(),
      at: c.timestamp(),
      who: c.string(),
      door: c.string(),
      amount: c.int().nullable(),
      weight: c.double().nullable(),
      tag: c.string().nullable(),
      flag: c.boolean(),
    },
    key: 'door',
    eventTime: 'at',
    outOfOrder: durationOf(choice.outOfOrder),
    partitions: 1,
  })
  const good = events.check({ [NOT_NEGATIVE]: (row) => row.amount === null || row.amount >= 0 })
  const rows = good.with({
    double_weight: c
      .double()
      .nullable()
      .from((row) => (row.weight === null ? null : row.weight * 2)),
  })
  const windows = choice.outputs.flatMap(({ name, groupBy, window, aggregates, having, emit, sinks, above }) => {
    const grouped = rows.groupBy(...groupBy).window(window)
    const results = grouped.aggregate((a) => {
      const all = {
        total: a.sum('amount'),
        low: a.min('amount'),
        high: a.max('double_weight'),
        mean: a.avg('weight'),
        opening: a.first('tag'),
        closing: a.last('tag'),
        flags: a.countIf('flag'),
        tags: a.distinct('tag'),
      }
      const chosen = Object.fromEntries(aggregates.map((one) => [one, all[one]]))
      return { n: a.count(), ids: a.collect('id', { limit: MOST_RECORDS }), ...chosen }
    })
    const wanted = having === null ? results : results.where((row) => (row['n'] as number) % having !== 0)
    const [first, ...rest] = sinks.map((sink) =>
      sink === 'delta' ? delta.table(`gold.${name}`) : postgres.table(name),
    )
    const own = [name, wanted.emit(optionOf(emit)).into(first!, ...rest)] as const
    if (above === undefined) return [own]
    const again = wanted.groupBy()
    const most = (above.window === null ? again : again.window(above.window)).aggregate((a) => ({
      results: a.count(),
      most: a.max(N),
    }))
    return [own, [`above_${name}`, most.emit(optionOf(above.emit)).into(delta.table(`gold.above_${name}`))] as const]
  })
  const latest = rows.select('door', 'id', 'amount').into(postgres.table('latest', { primaryKey: ['door'] }))
  return pipeline('events', {
    bronze: events.into(delta.table('bronze.events')),
    silver: rows.into(delta.table('silver.events')),
    ...(choice.rowsToSql ? { latest } : {}),
    ...Object.fromEntries(windows),
  })
}

/** Shapes of what is chosen at run time have no names. */
const N = 'n' as never

const optionOf = (emit: EmitChoice) => (emit === 'often' ? ({ every: '10 seconds' } as const) : emit)

export const durationOf = (millis: Millis): Duration => `${millis} milliseconds`

const ZONES = ['America/Chicago', 'Asia/Kathmandu', 'Europe/Berlin', 'Australia/Lord_Howe']

export function choosePlan(dice: Dice): PlanChoice {
  const unit = dice.pick([MINUTE, MINUTE, 15 * MINUTE, HOUR])
  const count = dice.weighted([
    [2, 1],
    [3, 2],
    [2, 3],
  ])
  return {
    unit,
    outOfOrder: dice.int(0, 6) * unit,
    outputs: Array.from({ length: count }, (_, index) => chooseOutput(dice, `out_${index}`, unit)),
    rowsToSql: dice.chance(0.4),
  }
}

/** Outputs over the results of some of the others. */
export function withAbove(dice: Dice, plan: PlanChoice): PlanChoice {
  const outputs = plan.outputs.map((output): OutputChoice => {
    const { window } = output
    if (window.kind === 'session' || !dice.chance(0.3)) return output
    const wider = tumbling(durationOf(dice.int(1, 40) * plan.unit), { grace: durationOf(window.grace) })
    const own = dice.chance(0.5) ? null : (wider as AboveChoice['window'])
    return { ...output, above: { window: own, emit: dice.pick(EMITS) } }
  })
  return { ...plan, outputs }
}

const SINKS: readonly (readonly ('delta' | 'sql')[])[] = [['delta'], ['delta'], ['delta', 'sql'], ['sql']]

const EMITS: readonly EmitChoice[] = ['final', 'final', 'final', 'change', 'often', 'complete']

function chooseOutput(dice: Dice, name: string, unit: Millis): OutputChoice {
  const groupBy = dice.pick<readonly GroupName[]>([[], ['who'], ['who'], ['who', 'flag'], ['tag']])
  // No column that may be null is part of a primary key.
  const sinks = groupBy.includes('tag') ? (['delta'] as const) : dice.pick(SINKS)
  return {
    name,
    groupBy,
    window: chooseWindow(dice, unit),
    aggregates: AGGREGATES.filter(() => dice.chance(0.3)),
    having: dice.chance(0.35) ? dice.int(2, 4) : null,
    emit: dice.pick(EMITS),
    sinks,
  }
}

function chooseWindow(dice: Dice, unit: Millis): WindowSpec {
  const times = (min: number, max: number): Millis => dice.int(min, max) * unit
  const grace = durationOf(dice.pick([0, 0, times(1, 8), times(10, 40), 1_000 * unit]))
  const shift = (below: Millis): Duration => durationOf(dice.chance(0.3) ? dice.int(0, below / unit - 1) * unit : 0)
  const kinds = ['tumbling', 'tumbling', 'sliding', 'sliding', 'cumulating', 'session', 'session'] as const
  switch (dice.pick(unit === HOUR ? [...kinds, 'calendar', 'calendar'] : kinds)) {
    case 'tumbling': {
      const size = times(2, 14)
      return tumbling(durationOf(size), { grace, offset: shift(size) })
    }
    case 'sliding': {
      const every = times(2, 6)
      // Divides it, or doesn't, or leaves gaps.
      const size = dice.pick([every * dice.int(2, 4), times(3, 16), Math.max(unit, every - unit)])
      return sliding(durationOf(size), { every: durationOf(every), grace, offset: shift(every) })
    }
    case 'cumulating': {
      const step = times(1, 4)
      const size = step * dice.int(2, 5)
      return cumulating(durationOf(size), { step: durationOf(step), grace, offset: shift(size) })
    }
    case 'session': {
      const atGap = dice.pick(['join', 'split'] as const)
      const end = dice.pick(['gap', 'last event'] as const)
      return session(durationOf(times(1, 5)), { grace, atGap, end })
    }
    default:
      return calendar(dice.pick(['day', 'day', 'day', 'week', 'month']), { zone: dice.pick(ZONES), grace })
  }
}
