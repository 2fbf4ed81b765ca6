import { SluiceError } from '#core/errors.ts'
import { requireField, requireSnakeCase } from '#dsl/names.ts'
import {
  type BooleanColumn,
  NUMBER_KINDS,
  type NumberColumn,
  ORDERED_KINDS,
  type OrderedColumn,
  SCALAR_KINDS,
  type ScalarColumn,
  type Shape,
} from '#dsl/shape.ts'
import type { AggregatePlan } from '#plan/plan.ts'
import type { Column, ColumnKind, Fields } from '#schema/column.ts'

/** An aggregate that hasn't a name yet. */
export interface Aggregate<Result extends Column = Column> extends Omit<AggregatePlan, 'name' | 'result'> {
  readonly result: Result
}

type SumKind<Kind> = Kind extends 'int' | 'long' ? 'long' : 'double'

/** Which rows an aggregate takes. */
export interface AggregateOptions<S extends Shape> {
  /** A boolean column: only rows in which it is true. Derive one with `.with()` for any other condition. */
  readonly where?: BooleanColumn<S>
}

export interface TopKOptions<S extends Shape> extends AggregateOptions<S> {
  /** `'count'` (default): the most frequent values. `'value'`: the largest ones, repeated as often as they came. */
  readonly by?: 'count' | 'value'
}

export interface CollectOptions<S extends Shape> extends AggregateOptions<S> {
  /** How many values are kept, at most 1000; 100 by default. */
  readonly limit?: number
}

/**
 * The aggregates that rows of a shape allow. Nulls are passed over, as in SQL; over nothing but nulls a count is 0 and everything
 * else null. All but `distinct`, `quantile` and `topK` of many values are exact, whatever the order of the records.
 */
export interface Aggregates<S extends Shape> {
  /** How many rows. */
  count(options?: AggregateOptions<S>): Aggregate<Column<'long', false>>
  /** In how many rows a boolean column is true. */
  countIf<const Name extends BooleanColumn<S>>(
    column: Name,
    options?: AggregateOptions<S>,
  ): Aggregate<Column<'long', false>>
  /** A long of int and long columns, a double of double columns. */
  sum<const Name extends NumberColumn<S>>(
    column: Name,
    options?: AggregateOptions<S>,
  ): Aggregate<Column<SumKind<S[Name]['kind']>, true>>
  min<const Name extends OrderedColumn<S>>(
    column: Name,
    options?: AggregateOptions<S>,
  ): Aggregate<Column<S[Name]['kind'], true>>
  max<const Name extends OrderedColumn<S>>(
    column: Name,
    options?: AggregateOptions<S>,
  ): Aggregate<Column<S[Name]['kind'], true>>
  avg<const Name extends NumberColumn<S>>(
    column: Name,
    options?: AggregateOptions<S>,
  ): Aggregate<Column<'double', true>>
  /** Value of the earliest row that has one: by event time, among equal times by partition, then offset. */
  first<const Name extends ScalarColumn<S>>(
    column: Name,
    options?: AggregateOptions<S>,
  ): Aggregate<Column<S[Name]['kind'], true>>
  /** Value of the latest row that has one: by event time, among equal times by partition, then offset. */
  last<const Name extends ScalarColumn<S>>(
    column: Name,
    options?: AggregateOptions<S>,
  ): Aggregate<Column<S[Name]['kind'], true>>
  /** How many distinct values. Exact up to 256, then with a standard error of 1.6 % (HyperLogLog). */
  distinct<const Name extends ScalarColumn<S>>(
    column: Name,
    options?: AggregateOptions<S>,
  ): Aggregate<Column<'long', false>>
  /** The value below which a share `q` (0 to 1) of the values lie, to within 1 % of itself (DDSketch); 0 and 1 are exact. */
  quantile<const Name extends NumberColumn<S>>(
    column: Name,
    q: number,
    options?: AggregateOptions<S>,
  ): Aggregate<Column<'double', true>>
  /**
   * The `k` (at most 100) most frequent values as JSON text, `[{"value":"a","count":3},…]`. Exact up to 512 distinct values; with more,
   * counts are too small by at most n / 257, and each row's `at_most` says how large it may be. By value: `[9,7,7]`, exact.
   */
  topK<const Name extends ScalarColumn<S>>(
    column: Name,
    k: number,
    options?: TopKOptions<S>,
  ): Aggregate<Column<'string', true>>
  /**
   * The values of the earliest rows, by event time, partition and offset, as JSON text: `{"values":["a","b"],"left_out":0}`. Cut after
   * `limit` values or 16,384 characters of text; `left_out` counts those behind the cut.
   */
  collect<const Name extends ScalarColumn<S>>(
    column: Name,
    options?: CollectOptions<S>,
  ): Aggregate<Column<'string', true>>
}

/** Columns that every window's result has beside the user's own. */
const RESULT_COLUMNS: readonly string[] = ['window_start', 'window_end', 'revision', 'is_final']

const BOOLEAN: ReadonlySet<ColumnKind> = new Set<ColumnKind>(['boolean'])

const K_MAX = 100
const LIMIT_MAX = 1000
const LIMIT_DEFAULT = 100

interface AnyOptions {
  readonly where?: string
  readonly by?: 'count' | 'value'
  readonly limit?: number
}

type Extra = Pick<AggregatePlan, 'parameter' | 'by'>

/** @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, PLAN_INVALID from its methods */
export function aggregatesOver<S extends Shape>(fields: Fields): Aggregates<S> {
  const read = (name: string, by: AggregatePlan['function'], kinds: ReadonlySet<ColumnKind>): ColumnKind => {
    const { kind } = requireField(fields, name, `the column of ${by}()`).column
    if (kinds.has(kind)) return kind
    throw new SluiceError(
      'COLUMN_KIND_INVALID',
      `Expected ${by}() of a column that is ${[...kinds].join(', ')}, found '${name}' of kind ${kind}.`,
    )
  }
  const whereOf = (by: AggregatePlan['function'], { where }: AnyOptions): Pick<AggregatePlan, 'where'> => {
    if (where === undefined) return {}
    const { kind } = requireField(fields, where, `where of ${by}()`).column
    if (kind === 'boolean') return { where }
    throw new SluiceError(
      'COLUMN_KIND_INVALID',
      `Expected where of ${by}() to be a boolean column, found '${where}' of kind ${kind}. Derive one with .with(), and use that.`,
    )
  }
  const aggregate = (
    by: AggregatePlan['function'],
    column: string | null,
    result: Column,
    options: AnyOptions = {},
    extra: Extra = {},
  ) => Object.freeze({ function: by, column, result: Object.freeze(result), ...extra, ...whereOf(by, options) })
  const nullable = (kind: ColumnKind): Column => ({ kind, nullable: true })
  const count: Column = { kind: 'long', nullable: false }
  const same =
    (by: AggregatePlan['function'], kinds: ReadonlySet<ColumnKind>) => (name: string, options?: AnyOptions) =>
      aggregate(by, name, nullable(read(name, by, kinds)), options)
  const as = (by: AggregatePlan['function'], kinds: ReadonlySet<ColumnKind>, result: Column) => {
    return (name: string, options?: AnyOptions, extra?: Extra) => {
      read(name, by, kinds)
      return aggregate(by, name, result, options, extra)
    }
  }
  const quantile = as('quantile', NUMBER_KINDS, nullable('double'))
  const topK = as('topK', SCALAR_KINDS, nullable('string'))
  const collect = as('collect', SCALAR_KINDS, nullable('string'))
  const methods = {
    count: (options?: AnyOptions) => aggregate('count', null, count, options),
    countIf: as('countIf', BOOLEAN, count),
    sum: (name: string, options?: AnyOptions) => {
      const kind = read(name, 'sum', NUMBER_KINDS) === 'double' ? 'double' : 'long'
      return aggregate('sum', name, nullable(kind), options)
    },
    min: same('min', ORDERED_KINDS),
    max: same('max', ORDERED_KINDS),
    avg: as('avg', NUMBER_KINDS, nullable('double')),
    first: same('first', SCALAR_KINDS),
    last: same('last', SCALAR_KINDS),
    distinct: as('distinct', SCALAR_KINDS, count),
    quantile: (name: string, q: number, options?: AnyOptions) => {
      requireNumber('q of quantile()', 'a number from 0 to 1, such as 0.95', q, q >= 0 && q <= 1)
      return quantile(name, options, { parameter: q })
    },
    topK: (name: string, k: number, options: AnyOptions = {}) => {
      requireWhole('k of topK()', k, K_MAX)
      return topK(name, options, options.by === 'value' ? { parameter: k, by: 'value' } : { parameter: k })
    },
    collect: (name: string, options: AnyOptions = {}) => {
      requireWhole('limit of collect()', options.limit ?? LIMIT_DEFAULT, LIMIT_MAX)
      return collect(name, options, { parameter: options.limit ?? LIMIT_DEFAULT })
    },
  }
  // the kinds are known at run time here, in the types of the interface there
  return Object.freeze(methods) as unknown as Aggregates<S>
}

function requireWhole(what: string, value: number, max: number): void {
  requireNumber(what, `a whole number from 1 to ${max}`, value, Number.isInteger(value) && value >= 1 && value <= max)
}

function requireNumber(what: string, expected: string, value: number, fits: boolean): void {
  if (!fits) throw new SluiceError('PLAN_INVALID', `Expected ${what} to be ${expected}, found ${value}.`)
}

/** Gives aggregates their names. @throws SluiceError NAME_INVALID, NAME_DUPLICATE, PLAN_INVALID */
export function planAggregates(
  groupBy: readonly string[],
  named: Readonly<Record<string, Aggregate>>,
): readonly AggregatePlan[] {
  const plans = Object.entries(named).map(([name, aggregate]) => {
    requireSnakeCase(`aggregate '${name}'`, name)
    requireFree(name, 'aggregate', RESULT_COLUMNS.includes(name), 'every window has')
    requireFree(name, 'aggregate', groupBy.includes(name), 'is a group column')
    return { name, ...aggregate }
  })
  if (plans.length > 0) return plans
  throw new SluiceError(
    'PLAN_INVALID',
    'Expected at least one aggregate, found none. Give one, such as .aggregate((a) => ({ total: a.count() })).',
  )
}

/** @throws SluiceError NAME_DUPLICATE when a group column has the name of one of the result's own columns */
export function requireGroupNames(groupBy: readonly string[]): void {
  for (const name of groupBy) requireFree(name, 'group column', RESULT_COLUMNS.includes(name), 'every window has')
}

function requireFree(name: string, what: string, taken: boolean, by: string): void {
  if (!taken) return
  throw new SluiceError(
    'NAME_DUPLICATE',
    `Expected a name for the ${what} that the result has not taken, found '${name}', which ${by}. Choose another one.`,
  )
}
