import type { Column, ColumnKind, Field, Fields, RecordHeader, TimestampFormat } from '#schema/column.ts'
import { type Decoded, jsonDecoder } from '#schema/decode.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { toRow } from '#schema/row-view.ts'

export interface RecordContent {
  readonly value: string | Uint8Array | null
  readonly headers?: readonly RecordHeader[]
}

/** Records of those values, end to end in one buffer, with keys of bytes that are no UTF-8 where `binaryKeys`. */
export function recordsOf(
  contents: readonly (string | Uint8Array | null | RecordContent)[],
  { binaryKeys = false } = {},
): RecordBatch {
  const records = contents.map(
    (content): RecordContent =>
      content === null || typeof content === 'string' || content instanceof Uint8Array ? { value: content } : content,
  )
  const parts: Uint8Array[] = []
  const keyStarts: number[] = []
  const keyEnds: number[] = []
  const valueStarts: number[] = []
  const valueEnds: number[] = []
  let at = 0
  const add = (bytes: Uint8Array): number => {
    parts.push(bytes)
    at += bytes.length
    return at
  }
  for (const { value } of records) {
    keyStarts.push(binaryKeys ? at : -1)
    keyEnds.push(binaryKeys ? add(new Uint8Array([0xff, 0xc3])) : -1)
    valueStarts.push(value === null ? -1 : at)
    valueEnds.push(value === null ? -1 : add(typeof value === 'string' ? new TextEncoder().encode(value) : value))
  }
  return {
    topic: 'crimes',
    partition: 0,
    count: records.length,
    offsets: Float64Array.from(records, (_, index) => index),
    timestamps: new Float64Array(records.length),
    buffer: new Uint8Array(Buffer.concat(parts)),
    keyStarts: Int32Array.from(keyStarts),
    keyEnds: Int32Array.from(keyEnds),
    valueStarts: Int32Array.from(valueStarts),
    valueEnds: Int32Array.from(valueEnds),
    headers: records.some(({ headers }) => headers !== undefined)
      ? records.map(({ headers }) => headers ?? null)
      : null,
  }
}

export function field(name: string, kind: ColumnKind, format?: TimestampFormat): Field {
  const column: Column = format === undefined ? { kind, nullable: true } : { kind, nullable: true, format }
  return { name, column }
}

export const required = ({ name, column }: Field): Field => ({ name, column: { ...column, nullable: false } })

export const rowsOf = ({ batch }: Decoded): Record<string, unknown>[] =>
  Array.from({ length: batch.rows }, (_, row) => toRow(batch, row))

/** The one value that the text of a JSON value becomes in a nullable column, or why it doesn't: `reason — detail`. */
export function decodeValue(kind: ColumnKind, json: string, format?: TimestampFormat): unknown {
  const fields: Fields = [field('x', kind, format)]
  const decoded = jsonDecoder(fields).decode(recordsOf([`{"x":${json}}`]))
  const reject = decoded.rejects[0]
  return reject === undefined ? rowsOf(decoded)[0]?.x : `${reject.reason} — ${reject.detail}`
}
