import type { Fields } from '#schema/column.ts'
import { readCsvHeader } from '#schema/csv-header.ts'
import { END, MALFORMED, NEED_MORE, RECORD } from '#schema/csv-limits.ts'
import { CsvReader } from '#schema/csv-reader.ts'

export interface ReadCsvRecord {
  /** The JSON text of a record, null of a malformed one. */
  readonly value: string | null
  readonly key: string | null
  readonly reason: string | null
  /** The raw bytes of a malformed record. */
  readonly raw: Uint8Array | null
  /** Position after the record. */
  readonly end: number
  readonly line: number
}

const decoder = new TextDecoder()

/** Reads all records of a CSV text, whose bytes come `chunk` at a time. */
export function readCsv(
  input: string | Uint8Array,
  fields: Fields,
  options: { readonly key?: string | null; readonly chunk?: number; readonly name?: string } = {},
): readonly ReadCsvRecord[] {
  const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input
  const { key = null, chunk = bytes.length, name = 'test.csv' } = options
  const header = readCsvHeader(bytes, true, name, fields)
  const reader = new CsvReader(name, header, fields, key)
  const records: ReadCsvRecord[] = []
  let at = header.end
  let end = Math.min(bytes.length, at + chunk)
  for (;;) {
    const status = reader.next(bytes, at, end, end === bytes.length)
    at = reader.end
    if (status === END) return records
    if (status === NEED_MORE) {
      if (end === bytes.length) throw new Error('asked for more than there is')
      end = Math.min(bytes.length, end + chunk)
    } else if (status === RECORD) {
      const out = new Uint8Array(reader.room)
      const length = reader.write({ buffer: out, view: new DataView(out.buffer) }, 0)
      if (length > out.length) throw new Error(`${length} bytes written where ${out.length} were asked for`)
      const keyText =
        reader.keyBuffer === null ? null : decoder.decode(reader.keyBuffer.subarray(reader.keyStart, reader.keyEnd))
      const value = decoder.decode(out.subarray(0, length))
      records.push({ value, key: keyText, reason: null, raw: null, end: at, line: reader.line })
    } else if (status === MALFORMED) {
      const raw = reader.rawBuffer.slice(reader.rawStart, reader.rawEnd)
      records.push({ value: null, key: null, reason: reader.reason, raw, end: at, line: reader.line })
    }
  }
}
