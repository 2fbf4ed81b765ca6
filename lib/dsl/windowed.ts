import { SluiceError } from '#core/errors.ts'
import { type Aggregate, type Aggregates, aggregatesOver, planAggregates, requireGroupNames } from '#dsl/aggregates.ts'
import { type Chain, type DeclaredOutput, planSinks, type SinkOf } from '#dsl/declared-output.ts'
import { requireDistinct, requireField } from '#dsl/names.ts'
import { type HasRows, type Merged, type RowOf, SCALAR_KINDS, type Shape } from '#dsl/shape.ts'
import type { AggregatePlan, Row, WindowSpec } from '#plan/plan.ts'
import type { Column, Fields } from '#schema/column.ts'

type WindowBoundsShape = {
  readonly window_start: Column<'timestamp', false>
  readonly window_end: Column<'timestamp', false>
}

type ResultStateShape = {
  readonly revision: Column<'int', false>
  readonly is_final: Column<'boolean', false>
}

type AggregatesShape<A extends Readonly<Record<string, Aggregate>>> = {
  readonly [Name in keyof A]: A[Name]['result']
}

/** What `.where` sees: the result without its revision. */
type ComputedShape<S extends Shape, G extends string, A extends Readonly<Record<string, Aggregate>>> = Merged<
  WindowBoundsShape,
  Merged<Pick<S, G & keyof S>, AggregatesShape<A>>
>

/** Rows in groups: only windows may come next. */
export interface Grouped<S extends Shape, G extends string> {
  /** Cuts event time: `tumbling`, `sliding`, `cumulating`, `session` or `calendar`. */
  window(spec: WindowSpec): Windowed<S, G>
}

/** Groups of rows in windows: only aggregates may come next. */
export interface Windowed<S extends Shape, G extends string> {
  /** @throws SluiceError NAME_INVALID, NAME_DUPLICATE, PLAN_INVALID */
  aggregate<const A extends Readonly<Record<string, Aggregate>>>(
    define: (a: Aggregates<S>) => A,
  ): Aggregated<ComputedShape<S, G, A>>
}

/** Results of windows that go into tables. A row when the window closes, and one with a higher revision when late records change it. */
export interface Results<S extends Shape> extends HasRows<RowOf<Merged<S, ResultStateShape>>> {
  /** @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, PRIMARY_KEY_INVALID, SINK_COLUMN_UNSUPPORTED */
  into(
    first: SinkOf<Merged<S, ResultStateShape>>,
    ...rest: readonly SinkOf<Merged<S, ResultStateShape>>[]
  ): DeclaredOutput
}

export interface Aggregated<S extends Shape> extends Results<S> {
  /** Publishes only the results for which it is true. It must depend on nothing but the row. */
  where(test: (row: RowOf<S>) => boolean): Results<S>
}

/** @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, NAME_DUPLICATE */
export function grouped<S extends Shape, G extends string>(chain: Chain, groupBy: readonly string[]): Grouped<S, G> {
  requireDistinct(groupBy, 'a group column')
  requireGroupNames(groupBy)
  for (const name of groupBy) {
    const { kind } = requireField(chain.fields, name, 'a group column').column
    if (SCALAR_KINDS.has(kind)) continue
    throw new SluiceError(
      'COLUMN_KIND_INVALID',
      `Expected columns of text, numbers, times or booleans in groupBy, found '${name}' of kind ${kind}.`,
    )
  }
  return Object.freeze({
    window: (window: WindowSpec): Windowed<S, G> =>
      Object.freeze({
        aggregate: <const A extends Readonly<Record<string, Aggregate>>>(define: (a: Aggregates<S>) => A) => {
          const aggregates = planAggregates(groupBy, define(aggregatesOver<S>(chain.fields)))
          return aggregated<ComputedShape<S, G, A>>({ chain, groupBy, window, aggregates })
        },
      }),
  })
}

interface WindowedRows {
  readonly chain: Chain
  readonly groupBy: readonly string[]
  readonly window: WindowSpec
  readonly aggregates: readonly AggregatePlan[]
}

function aggregated<S extends Shape>(windowed: WindowedRows): Aggregated<S> {
  return Object.freeze({
    ...results<S>(windowed, null),
    // its row type was checked where it was written
    where: (test: (row: RowOf<S>) => boolean) => results<S>(windowed, test as unknown as (row: Row) => boolean),
  })
}

function results<S extends Shape>(windowed: WindowedRows, where: ((row: Row) => boolean) | null): Results<S> {
  const { chain, groupBy, window, aggregates } = windowed
  const fields = resultFields(chain.fields, groupBy, aggregates)
  // Windows of other kinds that start together are of different groups.
  const bounds = window.kind === 'cumulating' ? ['window_start', 'window_end'] : ['window_start']
  type Sink = SinkOf<Merged<S, ResultStateShape>>
  return Object.freeze({
    into: (...sinks: readonly Sink[]): DeclaredOutput => ({
      chain,
      output: {
        kind: 'window',
        after: chain.steps.length,
        groupBy,
        window,
        aggregates,
        where,
        emit: 'final',
        fields,
        sinks: planSinks('window', fields, sinks, {
          columns: [...groupBy, ...bounds],
          harmless: ['window_end'],
        }),
      },
    }),
  })
}

const required = <Kind extends Column['kind']>(name: string, kind: Kind) => ({
  name,
  column: { kind, nullable: false },
})

function resultFields(rows: Fields, groupBy: readonly string[], aggregates: readonly AggregatePlan[]): Fields {
  return [
    required('window_start', 'timestamp'),
    required('window_end', 'timestamp'),
    ...groupBy.map((name) => requireField(rows, name, 'a group column')),
    ...aggregates.map(({ name, result }) => ({ name, column: result })),
    required('revision', 'int'),
    required('is_final', 'boolean'),
  ]
}
