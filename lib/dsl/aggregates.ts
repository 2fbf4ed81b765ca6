import { SluiceError } from '#core/errors.ts'
import { requireField, requireSnakeCase } from '#dsl/names.ts'
import {
  type BooleanColumn,
  NUMBER_KINDS,
  type NumberColumn,
  ORDERED_KINDS,
  type OrderedColumn,
  type Shape,
} from '#dsl/shape.ts'
import type { AggregatePlan } from '#plan/plan.ts'
import type { Column, ColumnKind, Fields } from '#schema/column.ts'

/** An aggregate that hasn't a name yet. */
export interface Aggregate<Result extends Column = Column> {
  readonly function: AggregatePlan['function']
  readonly column: string | null
  readonly result: Result
}

type SumKind<Kind> = Kind extends 'int' | 'long' ? 'long' : 'double'

/**
 * The aggregates that rows of a shape allow. Nulls are passed over, as in SQL; over nothing but nulls a count is 0 and everything
 * else null. Sums are exact, whatever the order of the records.
 */
export interface Aggregates<S extends Shape> {
  /** How many rows. */
  count(): Aggregate<Column<'long', false>>
  /** In how many rows a boolean column is true. */
  countIf<const Name extends BooleanColumn<S>>(column: Name): Aggregate<Column<'long', false>>
  /** A long of int and long columns, a double of double columns. */
  sum<const Name extends NumberColumn<S>>(column: Name): Aggregate<Column<SumKind<S[Name]['kind']>, true>>
  min<const Name extends OrderedColumn<S>>(column: Name): Aggregate<Column<S[Name]['kind'], true>>
  max<const Name extends OrderedColumn<S>>(column: Name): Aggregate<Column<S[Name]['kind'], true>>
  avg<const Name extends NumberColumn<S>>(column: Name): Aggregate<Column<'double', true>>
}

/** Columns that every window's result has beside the user's own. */
const RESULT_COLUMNS: readonly string[] = ['window_start', 'window_end', 'revision', 'is_final']

const BOOLEAN: ReadonlySet<ColumnKind> = new Set<ColumnKind>(['boolean'])

/** @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID from its methods */
export function aggregatesOver<S extends Shape>(fields: Fields): Aggregates<S> {
  const read = (name: string, by: AggregatePlan['function'], kinds: ReadonlySet<ColumnKind>): ColumnKind => {
    const { kind } = requireField(fields, name, `the column of ${by}()`).column
    if (kinds.has(kind)) return kind
    throw new SluiceError(
      'COLUMN_KIND_INVALID',
      `Expected ${by}() of a column that is ${[...kinds].join(', ')}, found '${name}' of kind ${kind}.`,
    )
  }
  const aggregate = <Result extends Column>(by: AggregatePlan['function'], column: string | null, result: Result) =>
    Object.freeze({ function: by, column, result: Object.freeze(result) })
  const extreme = (by: 'min' | 'max') => (name: string) =>
    aggregate(by, name, { kind: read(name, by, ORDERED_KINDS), nullable: true })
  const methods = {
    count: () => aggregate('count', null, { kind: 'long', nullable: false }),
    countIf: (name: string) => {
      read(name, 'countIf', BOOLEAN)
      return aggregate('countIf', name, { kind: 'long', nullable: false })
    },
    sum: (name: string) => {
      const kind = read(name, 'sum', NUMBER_KINDS) === 'double' ? 'double' : 'long'
      return aggregate('sum', name, { kind, nullable: true })
    },
    min: extreme('min'),
    max: extreme('max'),
    avg: (name: string) => {
      read(name, 'avg', NUMBER_KINDS)
      return aggregate('avg', name, { kind: 'double', nullable: true })
    },
  }
  // the kinds are known at run time here, in the types of the interface there
  return Object.freeze(methods) as unknown as Aggregates<S>
}

/** Gives aggregates their names. @throws SluiceError NAME_INVALID, NAME_DUPLICATE, PLAN_INVALID */
export function planAggregates(
  groupBy: readonly string[],
  named: Readonly<Record<string, Aggregate>>,
): readonly AggregatePlan[] {
  const plans = Object.entries(named).map(([name, { function: by, column, result }]) => {
    requireSnakeCase(`aggregate '${name}'`, name)
    requireFree(name, 'aggregate', RESULT_COLUMNS.includes(name), 'every window has')
    requireFree(name, 'aggregate', groupBy.includes(name), 'is a group column')
    return { name, function: by, column, result }
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
