import type { EpochMillis } from '#core/time.ts'
import { BRONZE_FIELDS, LATE_FIELDS, QUARANTINE_FIELDS, type WindowOutput } from '#plan/plan.ts'
import type { Reject } from '#schema/decode.ts'
import { fromRows } from '#schema/from-rows.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import type { ColumnBatch, HeadersVector, NumberVector, SlicesVector, Vector } from '#schema/vector.ts'
import type { LateEntry } from '#window/page.ts'

/** The records from index `first` on as BRONZE_FIELDS: keys and values stay where they lie, nothing is decoded. */
export function bronzeBatch(records: RecordBatch, first: number, ingestTime: EpochMillis): ColumnBatch {
  const rows = records.count - first
  const vectors: Vector[] = [
    constantText(records.topic, rows),
    constantNumber(records.partition, rows),
    { kind: 'number', valid: null, values: records.offsets.subarray(first, records.count) },
    { kind: 'number', valid: null, values: records.timestamps.subarray(first, records.count) },
    slices(records.buffer, records.keyStarts, records.keyEnds, first, records.count),
    slices(records.buffer, records.valueStarts, records.valueEnds, first, records.count),
    headersOf(records, first),
    constantNumber(ingestTime, rows),
  ]
  return { fields: BRONZE_FIELDS, rows, vectors }
}

function constantText(text: string, rows: number): Vector {
  const bytes = new TextEncoder().encode(text)
  const dictionary = { size: 1, bytes, starts: Int32Array.of(0, bytes.length), text: () => text }
  return { kind: 'dictionary', valid: null, codes: new Int32Array(rows), dictionary }
}

function constantNumber(value: number, rows: number): NumberVector {
  return { kind: 'number', valid: null, values: new Float64Array(rows).fill(value) }
}

function slices(buffer: Uint8Array, starts: Int32Array, ends: Int32Array, first: number, count: number): SlicesVector {
  let valid: Uint8Array | null = null
  for (let i = first; i < count; i++) {
    if (starts[i]! >= 0) continue
    valid ??= new Uint8Array(count - first).fill(1)
    valid[i - first] = 0
  }
  return { kind: 'slices', valid, buffer, starts: starts.subarray(first, count), ends: ends.subarray(first, count) }
}

function headersOf(records: RecordBatch, first: number): HeadersVector {
  const rows = records.count - first
  const values = records.headers?.slice(first, records.count) ?? new Array<null>(rows).fill(null)
  const valid = new Uint8Array(rows)
  for (let i = 0; i < rows; i++) valid[i] = values[i] === null ? 0 : 1
  return { kind: 'headers', valid, values }
}

/** Rejected records as QUARANTINE_FIELDS: coordinates, why, and the record itself. */
export function quarantineBatch(records: RecordBatch, rejects: readonly Reject[]): ColumnBatch {
  const { buffer } = records
  const rows = rejects.map(({ record, reason, detail }) => {
    const keyStart = records.keyStarts[record]!
    const valueStart = records.valueStarts[record]!
    return {
      topic: records.topic,
      partition: records.partition,
      offset: records.offsets[record]!,
      append_time: records.timestamps[record]!,
      reason,
      detail,
      key: keyStart < 0 ? null : buffer.subarray(keyStart, records.keyEnds[record]),
      value: valueStart < 0 ? null : buffer.subarray(valueStart, records.valueEnds[record]),
    }
  })
  return fromRows(QUARANTINE_FIELDS, rows)
}

/** Late entries as LATE_FIELDS. */
export function lateBatch(
  topic: string,
  partition: number,
  entries: readonly LateEntry[],
  outputs: readonly WindowOutput[],
): ColumnBatch {
  const rows = entries.map((entry) => ({
    topic,
    partition,
    offset: entry.offset,
    event_time: entry.eventTime,
    output: outputs[entry.output]!.name,
    windows_missed: entry.windowsMissed,
    first_window_start: entry.firstStart,
    last_window_end: entry.lastEnd,
    late_by_ms: entry.lateBy,
    counted_elsewhere: entry.countedElsewhere,
  }))
  return fromRows(LATE_FIELDS, rows)
}
