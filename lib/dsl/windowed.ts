import { type Duration, parseDuration } from '#core/duration.ts'
import { SluiceError } from '#core/errors.ts'
import { type Aggregate, type Aggregates, aggregatesOver, planAggregates, requireGroupNames } from '#dsl/aggregates.ts'
import type { Anomaly } from '#dsl/anomaly.ts'
import { checkChainedWindow } from '#dsl/chained.ts'
import { type DeclaredOutput, planSinks, type SinkOf, type WindowDefinition } from '#dsl/declared-output.ts'
import { type Detected, detected } from '#dsl/detected.ts'
import { requireDistinct, requireField } from '#dsl/names.ts'
import {
  type GroupColumn,
  type HasRows,
  type Merged,
  type NumberColumn,
  type RowOf,
  SCALAR_KINDS,
  type Shape,
} from '#dsl/shape.ts'
import { type AggregatePlan, computedFields, type Emit, type Row, type WindowSpec } from '#plan/plan.ts'
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
  /** Cuts event time: `tumbling`, `sliding`, `cumulating`, `session` or `calendar`. @throws SluiceError WINDOW_INVALID for results in windows that they don't fit */
  window(spec: WindowSpec): Windowed<S, G>
}

/** Results in groups: in windows of their own, or as they are: results of one window together. */
export interface Regrouped<S extends Shape, G extends string> extends Grouped<S, G>, Windowed<S, G> {}

/** Groups of rows in windows: only aggregates may come next. */
export interface Windowed<S extends Shape, G extends string> {
  /** @throws SluiceError NAME_INVALID, NAME_DUPLICATE, PLAN_INVALID */
  aggregate<const A extends Readonly<Record<string, Aggregate>>>(
    define: (a: Aggregates<S>) => A,
  ): Aggregated<ComputedShape<S, G, A>, G>
}

/**
 * When results come out, and what becomes of their tables.
 *
 * - `'final'` (default): a row when its window closes, and one with a higher revision when late records change it. Delta tables grow.
 * - `'change'`: also while the window is open, with `is_final` false, whenever they have changed; a row takes the place of the one before.
 * - `{ every: '10 seconds' }`: as `'change'`, but not more often than that.
 * - `'complete'`: as `'change'`, and each commit to a Delta table writes all of it anew.
 */
export type EmitOption = 'final' | 'change' | 'complete' | { readonly every: Duration }

/** Results of windows that go into tables. */
export interface Emitted<S extends Shape> extends HasRows<RowOf<Merged<S, ResultStateShape>>> {
  /** @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, PRIMARY_KEY_INVALID, SINK_COLUMN_UNSUPPORTED */
  into(
    first: SinkOf<Merged<S, ResultStateShape>>,
    ...rest: readonly SinkOf<Merged<S, ResultStateShape>>[]
  ): DeclaredOutput
}

/** Results of windows: into tables, or into other windows. */
export interface Results<S extends Shape> extends Emitted<S> {
  /** When they come out: see EmitOption. @throws SluiceError DURATION_INVALID, PLAN_INVALID */
  emit(when: EmitOption): Emitted<S>
  /**
   * Groups of final results, as rows with an event time one millisecond before their `window_end`. Corrections are taken over: what is
   * made of the results is revised with them. @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, NAME_DUPLICATE, WINDOW_INVALID
   */
  groupBy<const Name extends GroupColumn<Omit<S, keyof WindowBoundsShape>> = never>(
    ...columns: readonly Name[]
  ): Regrouped<S, Name>
}

/** Results of windows, all of them: they may be chosen from, or judged. `G` are the group columns. */
export interface Aggregated<S extends Shape, G extends string = never> extends Results<S> {
  /** Publishes only the results for which it is true. It must depend on nothing but the row. */
  where(test: (row: RowOf<S>) => boolean): Results<S>
  /**
   * Alerts about what is unusual in the final results: `anomaly.hourOfWeek({ … })` and others. A closed window without a row of a group
   * that is known counts as 0 where the column is a count or a sum.
   *
   * @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, NAME_DUPLICATE, PLAN_INVALID, WINDOW_INVALID
   */
  detect(rule: Anomaly<NumberColumn<Omit<S, G | keyof WindowBoundsShape>>>): Detected<Pick<S, G & keyof S>>
}

/** What groups are made of: rows of the topic after its steps, or results. */
export type GroupedRows = Pick<WindowDefinition, 'chain' | 'of'> & { readonly rows: Fields }

/** @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, NAME_DUPLICATE */
export function grouped<S extends Shape, G extends string>(
  { chain, of, rows }: GroupedRows,
  groupBy: readonly string[],
): Grouped<S, G> {
  requireDistinct(groupBy, 'a group column')
  requireGroupNames(groupBy)
  for (const name of groupBy) {
    const { kind } = requireField(rows, name, 'a group column').column
    if (SCALAR_KINDS.has(kind)) continue
    throw new SluiceError(
      'COLUMN_KIND_INVALID',
      `Expected columns of text, numbers, times or booleans in groupBy, found '${name}' of kind ${kind}.`,
    )
  }
  return Object.freeze({
    window: (window: WindowSpec): Windowed<S, G> => {
      if (of !== null) checkChainedWindow(of.results.window, window)
      return windowed<S, G>({ chain, of, rows, groupBy, window })
    },
  })
}

function windowed<S extends Shape, G extends string>(
  definition: GroupedRows & Pick<WindowDefinition, 'groupBy' | 'window'>,
): Windowed<S, G> {
  const { rows, ...rest } = definition
  return Object.freeze({
    aggregate: <const A extends Readonly<Record<string, Aggregate>>>(define: (a: Aggregates<S>) => A) => {
      const aggregates = planAggregates(rest.groupBy, define(aggregatesOver<S>(rows)))
      const fields = resultFields(rows, rest.groupBy, aggregates)
      return aggregated<ComputedShape<S, G, A>, G>({ ...rest, aggregates, where: null, fields })
    },
  })
}

function aggregated<S extends Shape, G extends string>(definition: WindowDefinition): Aggregated<S, G> {
  return Object.freeze({
    ...results<S>(definition),
    where: (test: (row: RowOf<S>) => boolean) =>
      // its row type was checked where it was written
      results<S>({ ...definition, where: test as unknown as (row: Row) => boolean }),
    detect: (rule: Anomaly) => detected<Pick<S, G & keyof S>>(definition, rule),
  })
}

function results<S extends Shape>(definition: WindowDefinition): Results<S> {
  return Object.freeze({
    ...emitted<S>(definition, 'final'),
    emit: (when: EmitOption) => emitted<S>(definition, emitOf(when)),
    groupBy: <const Name extends string = never>(...columns: readonly Name[]): Regrouped<S, Name> => {
      const { chain, window } = definition
      checkChainedWindow(window, null)
      const rows = computedFields(definition)
      const chosen = grouped<S, Name>({ chain, rows, of: { results: definition, windows: 'own' } }, columns)
      const of = { results: definition, windows: 'same' } as const
      return Object.freeze({ ...chosen, ...windowed<S, Name>({ chain, of, rows, groupBy: columns, window }) })
    },
  })
}

function emitOf(when: EmitOption): Emit {
  if (when === 'final' || when === 'change' || when === 'complete') return when
  if (typeof when === 'object' && when !== null && 'every' in when) {
    return { every: parseDuration(when.every, { what: 'every of .emit()' }) }
  }
  throw new SluiceError(
    'PLAN_INVALID',
    `Expected .emit() to be given 'final', 'change', 'complete' or { every: '10 seconds' }, found ${JSON.stringify(when)}.`,
  )
}

function emitted<S extends Shape>(definition: WindowDefinition, emit: Emit): Emitted<S> {
  const { chain, of: _, ...planned } = definition
  const { groupBy, window, fields } = definition
  // Windows of other kinds that start together are of different groups.
  const bounds = window.kind === 'cumulating' ? ['window_start', 'window_end'] : ['window_start']
  type Sink = SinkOf<Merged<S, ResultStateShape>>
  return Object.freeze({
    into: (...sinks: readonly Sink[]): DeclaredOutput => ({
      chain,
      results: definition,
      output: {
        kind: 'window',
        after: chain.steps.length,
        ...planned,
        emit,
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
