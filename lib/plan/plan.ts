import type { Millis } from '#core/time.ts'
import type { Column, Fields } from '#schema/column.ts'

/**
 * What the user declared, as frozen data: JSON-serialisable but for the functions in checks, derived columns and `where`.
 * The one value that deployment and runtime share.
 */
export interface Plan {
  readonly name: string
  readonly topic: TopicPlan
  /** In order; an output sees the rows after its first `after` steps. */
  readonly steps: readonly Step[]
  readonly outputs: readonly Output[]
}

export interface TopicPlan {
  readonly name: string
  readonly format: 'json'
  readonly fields: Fields
  /** Column that producers use as the record key, or null for none. */
  readonly key: string | null
  /** A non-nullable timestamp column. */
  readonly eventTime: string
  readonly outOfOrder: Millis
  /** How far an event time may lie after its record's append time before the record is quarantined. */
  readonly maxFutureSkew: Millis
  readonly partitions: number
}

/** A row as user functions see it: a view of the current row, valid until the function returns. */
export type Row = Readonly<Record<string, unknown>>

export type Step = CheckStep | DeriveStep

export interface CheckStep {
  readonly kind: 'check'
  /** Becomes the reason in quarantine. */
  readonly name: string
  readonly test: (row: Row) => boolean
}

export interface DeriveStep {
  readonly kind: 'derive'
  readonly name: string
  readonly column: Column
  readonly from:
    | { readonly kind: 'point'; readonly latitude: string; readonly longitude: string }
    /** The H3 cell of a geo point. */
    | { readonly kind: 'cell'; readonly point: string; readonly resolution: number }
    | { readonly kind: 'function'; readonly compute: (row: Row) => unknown }
}

export type Output = RawOutput | RowsOutput | WindowOutput | DetectorOutput

/** The source record as it came, with its coordinates: see BRONZE_FIELDS. */
export interface RawOutput {
  readonly kind: 'raw'
  readonly name: string
  readonly sinks: readonly Sink[]
}

export interface RowsOutput {
  readonly kind: 'rows'
  readonly name: string
  readonly after: number
  /** Columns that are written, in order. */
  readonly fields: Fields
  readonly sinks: readonly Sink[]
}

export interface WindowOutput {
  readonly kind: 'window'
  readonly name: string
  readonly after: number
  /** Where its rows come from, if not from the topic. */
  readonly source?: ResultsSource
  readonly groupBy: readonly string[]
  readonly window: WindowSpec
  readonly aggregates: readonly AggregatePlan[]
  /** Rows for which it is false are not published. */
  readonly where: ((row: Row) => boolean) | null
  readonly emit: Emit
  /** window_start, window_end, group columns, aggregates, revision, is_final. */
  readonly fields: Fields
  readonly sinks: readonly Sink[]
}

/** Final results of another window output, as rows. Their event time is a millisecond before their window's end. */
export interface ResultsSource {
  /** Name of that output; it may have no sinks. */
  readonly output: string
  /** `own`: in windows over the event time of the results. `same`: results of one window together, in that window. */
  readonly windows: 'own' | 'same'
}

/**
 * When rows of a window come out, and what becomes of the table that they go into.
 *
 * - `final`: when the window closes, and again as a higher revision when late records within grace change it. Delta tables grow.
 * - `change`, `every`: also while it is open, with `is_final` false; each row takes the place of the one before. `every`: not more often.
 * - `complete`: as `change`, and each commit to a Delta table writes the whole of it.
 */
export type Emit = 'final' | 'change' | 'complete' | { readonly every: Millis }

/** All windows are half open, [start, end). */
export type WindowSpec =
  | { readonly kind: 'tumbling'; readonly size: Millis; readonly offset: Millis; readonly grace: Millis }
  | {
      readonly kind: 'sliding'
      readonly size: Millis
      readonly every: Millis
      readonly offset: Millis
      readonly grace: Millis
    }
  /** Windows that start together every `size` and end one `step` after the other; `size` is a whole number of steps. */
  | {
      readonly kind: 'cumulating'
      readonly size: Millis
      readonly step: Millis
      readonly offset: Millis
      readonly grace: Millis
    }
  | { readonly kind: 'calendar'; readonly unit: CalendarUnit; readonly zone: string; readonly grace: Millis }
  | SessionSpec

/** Windows that the records of a group make: from a record to `gap` after the last one that is not further than that from its neighbour. */
export interface SessionSpec {
  readonly kind: 'session'
  readonly gap: Millis
  /** Records exactly `gap` apart are in one session (`join`) or in two (`split`). */
  readonly atGap: 'join' | 'split'
  /** What `window_end` is: the last event time plus the gap, or the last event time itself. A session closes by the former. */
  readonly end: 'gap' | 'last event'
  readonly grace: Millis
}

export type CalendarUnit = 'day' | 'week' | 'month' | 'quarter' | 'year'

export type AggregateFunction =
  | 'count'
  | 'countIf'
  | 'sum'
  | 'min'
  | 'max'
  | 'avg'
  | 'first'
  | 'last'
  | 'distinct'
  | 'quantile'
  | 'topK'
  | 'collect'

export interface AggregatePlan {
  readonly name: string
  readonly function: AggregateFunction
  /** The column it reads; null for count. For countIf a boolean column. */
  readonly column: string | null
  /** A boolean column: only rows in which it is true are taken. Without it all are. */
  readonly where?: string
  /** q of `quantile`, from 0 to 1; k of `topK`; how many values `collect` keeps. */
  readonly parameter?: number
  /** What `topK` ranks values by: how often they come, or themselves. */
  readonly by?: 'count' | 'value'
  /** Type of the result column. */
  readonly result: Column
}

export type Sink = DeltaSink | SqlSinkPlan

export interface DeltaSink {
  readonly kind: 'delta'
  /** `layer.table`; lies at lake/<layer>/<table>/. */
  readonly table: string
  readonly clusterBy: readonly string[]
}

export interface SqlSinkPlan {
  readonly kind: 'postgres'
  readonly table: string
  readonly primaryKey: readonly string[]
}

/**
 * Judges the final results of a window output, window by window in order of time, and opens and resolves alerts. Not part of what
 * shapes window state: another rule goes on with the history that there is.
 */
export interface DetectorOutput {
  readonly kind: 'detector'
  readonly name: string
  /** Name of the window output. */
  readonly of: string
  /** A number among its aggregates. */
  readonly column: string
  readonly rule: DetectorRule
  /** Columns of an alert. */
  readonly fields: Fields
  readonly sinks: readonly Sink[]
}

export type DetectorRule = ThresholdRule | ChangeRule | HourOfWeekRule | MedianRule | CusumRule | HotSpotsRule

interface Alerting {
  /** Which way a value must be out. */
  readonly side: 'high' | 'low' | 'both'
  /** An alert opens after so many unusual windows in a row, and is resolved after so many calm ones. */
  readonly opensAfter: number
  readonly resolvesAfter: number
  /** No alert opens on less than this: of what was seen where that is high, of what was expected where it is low. */
  readonly atLeast: number
}

export interface ThresholdRule extends Alerting {
  readonly kind: 'threshold'
  readonly opensAt: number
  readonly resolvesAt: number
}

/** Holds a value against the one `back` windows before. */
export interface ChangeRule extends Alerting {
  readonly kind: 'change'
  readonly back: number
  /** Factors. */
  readonly opensAt: number
  readonly resolvesAt: number
  /** What is smaller counts as this: nothing is a multiple of 0. */
  readonly floor: number
}

/** A history of the same hour of the week. */
interface Weekly {
  /** IANA zone whose wall clocks say what hour it is. */
  readonly zone: string
  readonly weeks: number
  /** Nothing is judged on less. */
  readonly minWeeks: number
}

export interface HourOfWeekRule extends Alerting, Weekly {
  readonly kind: 'hourOfWeek'
  /** False discovery rate among the keys of one window. */
  readonly falseAlarms: number
  /** A p-value. */
  readonly resolvesAt: number
}

/** In robust standard deviations from the median. */
export interface MedianRule extends Alerting, Weekly {
  readonly kind: 'median'
  readonly opensAt: number
  readonly resolvesAt: number
  /** The least standard deviation that is believed; null: of counts √median, of others none. */
  readonly floor: number | null
}

/** In standard deviations that are summed up. */
export interface CusumRule extends Alerting, Weekly {
  readonly kind: 'cusum'
  readonly slack: number
  readonly opensAt: number
  readonly resolvesAt: number
}

export interface HotSpotsRule extends Alerting, Weekly {
  readonly kind: 'hotSpots'
  /** Cells up to so many rings around one are its neighbourhood. */
  readonly rings: number
  /** What a neighbourhood is held against: the other cells, or what its cells had at the same time of earlier weeks. */
  readonly against: 'area' | 'history'
  readonly falseAlarms: number
  /** A p-value. */
  readonly resolvesAt: number
}

/** Columns of a bronze table: the record as the topic gave it, and when we took it. */
export const BRONZE_FIELDS: Fields = [
  { name: 'topic', column: { kind: 'string', nullable: false } },
  { name: 'partition', column: { kind: 'int', nullable: false } },
  { name: 'offset', column: { kind: 'long', nullable: false } },
  { name: 'append_time', column: { kind: 'timestamp', nullable: false } },
  { name: 'key', column: { kind: 'binary', nullable: true } },
  { name: 'value', column: { kind: 'binary', nullable: true } },
  { name: 'headers', column: { kind: 'headers', nullable: true } },
  { name: 'ingest_time', column: { kind: 'timestamp', nullable: false } },
]

/** Columns of a pipeline's quarantine table: which record, why, and the record itself. */
export const QUARANTINE_FIELDS: Fields = [
  { name: 'topic', column: { kind: 'string', nullable: false } },
  { name: 'partition', column: { kind: 'int', nullable: false } },
  { name: 'offset', column: { kind: 'long', nullable: false } },
  { name: 'append_time', column: { kind: 'timestamp', nullable: false } },
  { name: 'reason', column: { kind: 'string', nullable: false } },
  { name: 'detail', column: { kind: 'string', nullable: true } },
  { name: 'key', column: { kind: 'binary', nullable: true } },
  { name: 'value', column: { kind: 'binary', nullable: true } },
]

/** Columns of a pipeline's late table: one row a record and output that its windows had closed for. */
export const LATE_FIELDS: Fields = [
  { name: 'topic', column: { kind: 'string', nullable: false } },
  { name: 'partition', column: { kind: 'int', nullable: false } },
  { name: 'offset', column: { kind: 'long', nullable: false } },
  { name: 'event_time', column: { kind: 'timestamp', nullable: false } },
  { name: 'output', column: { kind: 'string', nullable: false } },
  { name: 'windows_missed', column: { kind: 'int', nullable: false } },
  { name: 'first_window_start', column: { kind: 'timestamp', nullable: false } },
  { name: 'last_window_end', column: { kind: 'timestamp', nullable: false } },
  { name: 'late_by_ms', column: { kind: 'long', nullable: false } },
  { name: 'counted_elsewhere', column: { kind: 'boolean', nullable: false } },
]

export const quarantineTable = (plan: Plan): string => `quarantine.${plan.name}`
export const lateTable = (plan: Plan): string => `late.${plan.name}`

export function isWindowOutput(output: Output): output is WindowOutput {
  return output.kind === 'window'
}

export function isDetector(output: Output): output is DetectorOutput {
  return output.kind === 'detector'
}

/** The windows that records are folded into; all others are made of their results. */
export function foldedOutputs(plan: Pick<Plan, 'outputs'>): readonly WindowOutput[] {
  return plan.outputs.filter(isWindowOutput).filter(({ source }) => source === undefined)
}

/** Of a result: what another window may read, and `where` sees. */
export function computedFields({ fields }: Pick<WindowOutput, 'fields'>): Fields {
  return fields.filter(({ name }) => name !== 'revision' && name !== 'is_final')
}

/** Fields of the rows after the plan's first `after` steps. */
export function fieldsAfter(plan: Pick<Plan, 'topic' | 'steps'>, after: number): Fields {
  const derived = plan.steps
    .slice(0, after)
    .flatMap((step) => (step.kind === 'derive' ? [{ name: step.name, column: step.column }] : []))
  return [...plan.topic.fields, ...derived]
}
