import type { RecordBatch } from '#schema/record-batch.ts'

/** Records [start, end) of a batch, by their index in it, over the same buffer: copies nothing. */
export function sliceBatch(batch: RecordBatch, start: number, end: number): RecordBatch {
  if (start === 0 && end === batch.count) return batch
  return {
    topic: batch.topic,
    partition: batch.partition,
    count: end - start,
    offsets: batch.offsets.subarray(start, end),
    timestamps: batch.timestamps.subarray(start, end),
    buffer: batch.buffer,
    keyStarts: batch.keyStarts.subarray(start, end),
    keyEnds: batch.keyEnds.subarray(start, end),
    valueStarts: batch.valueStarts.subarray(start, end),
    valueEnds: batch.valueEnds.subarray(start, end),
    headers: sliceHeaders(batch.headers, start, end),
  }
}

function sliceHeaders(headers: RecordBatch['headers'], start: number, end: number): RecordBatch['headers'] {
  if (headers === null) return null
  const part = headers.slice(start, end)
  return part.some((list) => list !== null) ? part : null
}

/** Bytes of the record's key, value and headers: what `maxBytes` of a read counts. */
export function recordBytes(batch: RecordBatch, i: number): number {
  const keyStart = batch.keyStarts[i]!
  const valueStart = batch.valueStarts[i]!
  let bytes = keyStart < 0 ? 0 : batch.keyEnds[i]! - keyStart
  if (valueStart >= 0) bytes += batch.valueEnds[i]! - valueStart
  const list = batch.headers === null ? null : batch.headers[i]!
  if (list !== null) for (const { name, value } of list) bytes += name.length + (value?.length ?? 0)
  return bytes
}
