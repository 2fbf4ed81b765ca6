import { formatDuration } from '#core/duration.ts'
import { SluiceError } from '#core/errors.ts'
import { MINUTE, type Millis } from '#core/time.ts'
import type { Anomaly } from '#dsl/anomaly.ts'
import { type DeclaredOutput, planSinks, type SinkOf, type WindowDefinition } from '#dsl/declared-output.ts'
import { requireField } from '#dsl/names.ts'
import { type HasRows, type Merged, NUMBER_KINDS, type RowOf, type Shape } from '#dsl/shape.ts'
import { ALERT_FIELDS, alertFields, isAdditive, isWeekly, weeklyStep } from '#plan/detector-rules.ts'
import type { DetectorRule } from '#plan/plan.ts'
import type { Column } from '#schema/column.ts'

/** The columns of an alert beside the group columns. */
export type AlertShape = {
  readonly alert_id: Column<'string', false>
  readonly alert_state: Column<'string', false>
  readonly severity: Column<'string', false>
  readonly window_start: Column<'timestamp', false>
  readonly window_end: Column<'timestamp', false>
  readonly detector: Column<'string', false>
  readonly method: Column<'string', false>
  readonly side: Column<'string', false>
  readonly observed: Column<'double', false>
  readonly expected: Column<'double', false>
  readonly score: Column<'double', false>
  readonly p_value: Column<'double', true>
  readonly q_value: Column<'double', true>
  readonly history_windows: Column<'int', true>
  readonly history_from: Column<'timestamp', true>
  readonly history_to: Column<'timestamp', true>
  readonly history_mean: Column<'double', true>
  readonly history_variance: Column<'double', true>
  readonly history_median: Column<'double', true>
  readonly history_mad: Column<'double', true>
  readonly reason: Column<'string', false>
  readonly resolved_at: Column<'timestamp', true>
  readonly last_window_end: Column<'timestamp', true>
  readonly windows: Column<'int', true>
  readonly peak_observed: Column<'double', true>
  readonly peak_score: Column<'double', true>
  readonly revision: Column<'int', false>
  readonly is_final: Column<'boolean', false>
}

/** Alerts that go into tables: a row when one opens, and one with a higher revision when it gets worse, is resolved or withdrawn. */
export interface Detected<Group extends Shape> extends HasRows<RowOf<Merged<Group, AlertShape>>> {
  /** @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, PRIMARY_KEY_INVALID, SINK_COLUMN_UNSUPPORTED */
  into(first: SinkOf<Merged<Group, AlertShape>>, ...rest: readonly SinkOf<Merged<Group, AlertShape>>[]): DeclaredOutput
}

/** @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, NAME_DUPLICATE, PLAN_INVALID, WINDOW_INVALID */
export function detected<Group extends Shape>(definition: WindowDefinition, anomaly: Anomaly): Detected<Group> {
  if (typeof anomaly !== 'object' || anomaly === null || anomaly.kind !== 'anomaly') {
    throw new SluiceError(
      'PLAN_INVALID',
      "Expected .detect() to be given a rule, such as anomaly.threshold({ column: 'total', opensAt: 15 }), found something else.",
    )
  }
  const { rule, column } = anomaly
  const group = definition.groupBy.map((name) => requireField(definition.fields, name, 'a group column'))
  requireFreeNames(definition.groupBy)
  requireColumn(definition, column, rule)
  requireWindow(definition, rule)
  if (rule.kind === 'hotSpots') requireCells(group.map((field) => field.column.kind))
  const fields = alertFields(group)
  type Sink = SinkOf<Merged<Group, AlertShape>>
  return Object.freeze({
    into: (...sinks: readonly Sink[]): DeclaredOutput => ({
      chain: definition.chain,
      judges: definition,
      output: {
        kind: 'detector',
        column,
        rule,
        fields,
        sinks: planSinks('detector', fields, sinks, { columns: ['alert_id'], harmless: [] }),
      },
    }),
  })
}

function requireFreeNames(groupBy: readonly string[]): void {
  const taken = groupBy.find((name) => ALERT_FIELDS.some((field) => field.name === name))
  if (taken === undefined) return
  throw new SluiceError(
    'NAME_DUPLICATE',
    `Expected group columns with names that alerts leave free, found '${taken}', which is a column of every alert. ` +
      `Derive it under another name with .with(), and group by that.`,
  )
}

function requireColumn({ aggregates }: WindowDefinition, column: string, rule: DetectorRule): void {
  const fields = aggregates.map(({ name, result }) => ({ name, column: result }))
  const { kind } = requireField(fields, column, 'the column of a detector').column
  if (!NUMBER_KINDS.has(kind)) {
    throw new SluiceError(
      'COLUMN_KIND_INVALID',
      `Expected the column of a detector to be int, long or double, found '${column}' of kind ${kind}.`,
    )
  }
  if (rule.kind !== 'hourOfWeek' && rule.kind !== 'hotSpots') return
  const aggregate = aggregates.find(({ name }) => name === column)!.function
  if (isAdditive(aggregate)) return
  throw new SluiceError(
    'COLUMN_KIND_INVALID',
    `Expected ${rule.kind} to judge a count, found '${column}', which is ${aggregate}(…). Use anomaly.median for other values.`,
  )
}

/** A history has so many slots of the week at most. */
const SLOT_MIN: Millis = 5 * MINUTE

function requireWindow({ window }: WindowDefinition, rule: DetectorRule): void {
  if (window.kind === 'session') {
    throw new SluiceError(
      'WINDOW_INVALID',
      'Expected a detector to judge windows with fixed bounds, found sessions: what none of them holds has no end. ' +
        'Use tumbling, sliding, cumulating or calendar windows.',
    )
  }
  if (!isWeekly(rule)) return
  const step = weeklyStep(window)
  if (step !== null && step >= SLOT_MIN) return
  const found = step === null ? "windows that don't" : `windows every ${formatDuration(step)}`
  throw new SluiceError(
    'WINDOW_INVALID',
    `Expected ${rule.kind} to judge windows that come back every week at the same time, not more often than every 5 minutes, found ${found}. ` +
      "Use tumbling('1 hour', …), sliding windows whose `every` divides a week, or calendar days.",
  )
}

function requireCells(kinds: readonly Column['kind'][]): void {
  if (kinds.length === 1 && kinds[0] === 'string') return
  throw new SluiceError(
    'PLAN_INVALID',
    `Expected hotSpots to judge results grouped by one column of cells, found ${kinds.length === 1 ? `one of kind ${kinds[0]}` : `${kinds.length} group columns`}. ` +
      "Derive the cell with .with({ cell: h3('point', 8) }) and group by that alone.",
  )
}
