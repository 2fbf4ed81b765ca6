import { textOfThrown } from '#core/thrown.ts'
import type { CheckStep, DeriveStep, Plan, Row } from '#plan/plan.ts'
import { fieldsAfter } from '#plan/plan.ts'
import { CellColumn } from '#runtime/h3-cells.ts'
import type { ColumnKind } from '#schema/column.ts'
import { type Decoder, jsonDecoder, type Reject } from '#schema/decode.ts'
import { clipped } from '#schema/decode-reasons.ts'
import { fromRows } from '#schema/from-rows.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { rowView } from '#schema/row-view.ts'
import type { ColumnBatch, NumberVector, PointVector, Vector } from '#schema/vector.ts'

/**
 * A batch of records after the steps that all stages share: decode, check, enrich. It is a function of the records alone, so
 * every consumer comes to the same verdict on every record.
 */
export interface Prepared {
  readonly records: RecordBatch
  /** Well-formed rows with the topic's and all derived columns, in record order. */
  readonly batch: ColumnBatch
  /** Index in `records` of each row. */
  readonly rowRecords: Int32Array
  /** Source offset of each row. */
  readonly offsets: Float64Array
  readonly eventTimes: Float64Array
  /** How many steps each row has passed; −1 for one whose event time can't be believed. */
  readonly passed: Int16Array
  /** Every record that is not in the rows after the last step, in record order, each once. */
  readonly rejects: readonly Reject[]
}

/** Rows of an output after its first `after` steps whose offset is above `fence`, ascending. */
export function rowsAfter(prepared: Prepared, after: number, fence: number): Int32Array {
  const { passed, offsets } = prepared
  const rows = new Int32Array(prepared.batch.rows)
  let count = 0
  for (let row = 0; row < rows.length; row++) {
    if (passed[row]! >= after && offsets[row]! > fence) rows[count++] = row
  }
  return rows.subarray(0, count)
}

export interface Preparer {
  /** The same `RecordBatch` object is prepared once, whoever asks. */
  prepare(records: RecordBatch): Prepared
}

export function preparer(plan: Plan): Preparer {
  const decoder = jsonDecoder(plan.topic.fields)
  const done = new WeakMap<RecordBatch, Prepared>()
  return {
    prepare(records) {
      let prepared = done.get(records)
      if (prepared === undefined) {
        prepared = prepareBatch(plan, decoder, records)
        done.set(records, prepared)
      }
      return prepared
    },
  }
}

interface Draft {
  readonly records: RecordBatch
  readonly rowRecords: Int32Array
  readonly passed: Int16Array
  readonly rejects: Reject[]
}

function prepareBatch(plan: Plan, decoder: Decoder, records: RecordBatch): Prepared {
  const decoded = decoder.decode(records)
  const rows = decoded.batch.rows
  const eventColumn = plan.topic.fields.findIndex((field) => field.name === plan.topic.eventTime)
  const eventTimes = (decoded.batch.vectors[eventColumn] as NumberVector).values
  const draft: Draft = {
    records,
    rowRecords: decoded.rowRecords,
    passed: new Int16Array(rows),
    rejects: [...decoded.rejects],
  }
  refuseFuture(draft, eventTimes, rows, plan.topic.maxFutureSkew)
  const vectors: Vector[] = [...decoded.batch.vectors]
  plan.steps.forEach((step, index) => {
    const batch: ColumnBatch = { fields: fieldsAfter(plan, index), rows, vectors }
    if (step.kind === 'check') applyCheck(step, index, batch, draft)
    else vectors.push(deriveColumn(step, index, batch, draft))
  })
  draft.rejects.sort((a, b) => a.record - b.record)
  const offsets = new Float64Array(rows)
  for (let row = 0; row < rows; row++) offsets[row] = records.offsets[decoded.rowRecords[row]!]!
  const batch = { fields: fieldsAfter(plan, plan.steps.length), rows, vectors }
  return { ...draft, batch, offsets, eventTimes }
}

/** One device with a wrong clock must not close every window: an event time far after the append time is not believed. */
function refuseFuture(draft: Draft, eventTimes: Float64Array, rows: number, maxFutureSkew: number): void {
  const { timestamps } = draft.records
  for (let row = 0; row < rows; row++) {
    const record = draft.rowRecords[row]!
    if (eventTimes[row]! <= timestamps[record]! + maxFutureSkew) continue
    draft.passed[row] = -1
    const detail = `event time ${isoTime(eventTimes[row]!)}, appended ${isoTime(timestamps[record]!)}`
    draft.rejects.push({ record, reason: 'event time in the future', detail })
  }
}

function isoTime(instant: number): string {
  return Math.abs(instant) <= LAST_INSTANT ? new Date(instant).toISOString() : String(instant)
}

function applyCheck(step: CheckStep, index: number, batch: ColumnBatch, draft: Draft): void {
  const view = rowView(batch)
  const { passed } = draft
  for (let row = 0; row < batch.rows; row++) {
    if (passed[row] !== index) continue
    let detail: string | null = null
    try {
      if (step.test(view.at(row))) {
        passed[row] = index + 1
        continue
      }
    } catch (error) {
      detail = `the check threw: ${messageOf(error)}`
    }
    draft.rejects.push({ record: draft.rowRecords[row]!, reason: step.name, detail })
  }
}

function deriveColumn(step: DeriveStep, index: number, batch: ColumnBatch, draft: Draft): Vector {
  const { passed } = draft
  if (step.from.kind !== 'function') {
    for (let row = 0; row < batch.rows; row++) if (passed[row] === index) passed[row] = index + 1
    if (step.from.kind === 'point') return derivePoints(step.from.latitude, step.from.longitude, batch)
    return cellColumnOf(step).of(pointsOf(step.from.point, batch), batch.rows)
  }
  return computeColumn(step, step.from.compute, index, batch, draft)
}

/** Batches that one process prepares share the dictionary of a step. */
const cellColumns = new WeakMap<DeriveStep, CellColumn>()

function cellColumnOf(step: DeriveStep): CellColumn {
  let column = cellColumns.get(step)
  if (column === undefined) {
    column = new CellColumn(step.from.kind === 'cell' ? step.from.resolution : 0)
    cellColumns.set(step, column)
  }
  return column
}

function pointsOf(name: string, batch: ColumnBatch): PointVector {
  return batch.vectors[batch.fields.findIndex((field) => field.name === name)] as PointVector
}

function derivePoints(latitude: string, longitude: string, batch: ColumnBatch): PointVector {
  const numbers = (name: string): NumberVector => {
    const column = batch.fields.findIndex((field) => field.name === name)
    return batch.vectors[column] as NumberVector
  }
  const latitudes = numbers(latitude)
  const longitudes = numbers(longitude)
  const valid = new Uint8Array(batch.rows)
  for (let row = 0; row < batch.rows; row++) {
    const has = (vector: NumberVector) => vector.valid === null || vector.valid[row] === 1
    valid[row] = has(latitudes) && has(longitudes) ? 1 : 0
  }
  return { kind: 'points', valid, latitudes: latitudes.values, longitudes: longitudes.values }
}

function computeColumn(
  step: DeriveStep,
  compute: (row: Row) => unknown,
  index: number,
  batch: ColumnBatch,
  draft: Draft,
): Vector {
  const view = rowView(batch)
  const { passed } = draft
  const values: Record<string, unknown>[] = new Array(batch.rows)
  for (let row = 0; row < batch.rows; row++) {
    values[row] = {}
    if (passed[row] !== index) continue
    const fault = computeValue(step, compute, view.at(row), values[row]!)
    if (fault === null) passed[row] = index + 1
    else draft.rejects.push({ record: draft.rowRecords[row]!, reason: `derived column ${step.name}`, detail: fault })
  }
  // Rows that are out of the chain have no value, so the scratch column is nullable whatever the declared one is.
  const column = { ...step.column, nullable: true }
  return fromRows([{ name: step.name, column }], values).vectors[0]!
}

/** Null when `into` has got a value that the column can hold; otherwise what is wrong. */
function computeValue(
  step: DeriveStep,
  compute: (row: Row) => unknown,
  row: Row,
  into: Record<string, unknown>,
): string | null {
  let value: unknown
  try {
    value = compute(row) ?? null
  } catch (error) {
    return `the function threw: ${messageOf(error)}`
  }
  if (value === null) return step.column.nullable ? null : 'expected a value, found null'
  if (!holds(step.column.kind, value)) return `expected ${step.column.kind}, found ${typeof value}`
  into[step.name] = value
  return null
}

const isInteger = (value: unknown, bound: number): boolean =>
  Number.isInteger(value) && Math.abs(value as number) <= bound
const isInt32 = (value: unknown): boolean => Number.isInteger(value) && (value as number) === ((value as number) | 0)
/** The last instant that a Date can be, either side of 1970. */
const LAST_INSTANT = 8.64e15

const HOLDS: Readonly<Record<ColumnKind, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string' && value.isWellFormed() && !value.includes('\0'),
  boolean: (value) => typeof value === 'boolean',
  int: isInt32,
  long: (value) => isInteger(value, Number.MAX_SAFE_INTEGER),
  double: (value) => Number.isFinite(value),
  timestamp: (value) => isInteger(value, LAST_INSTANT),
  date: isInt32,
  binary: (value) => value instanceof Uint8Array,
  geo_point: (value) => {
    const point = value as { latitude?: unknown; longitude?: unknown }
    return typeof value === 'object' && Number.isFinite(point.latitude) && Number.isFinite(point.longitude)
  },
  headers: (value) => Array.isArray(value),
}

function holds(kind: ColumnKind, value: unknown): boolean {
  return HOLDS[kind](value)
}

/** As text that every table can hold. */
const messageOf = (error: unknown): string => clipped(textOfThrown(error))
