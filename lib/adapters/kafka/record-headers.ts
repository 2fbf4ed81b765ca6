import type { SourcePosition } from '#ports/record-source.ts'
import type { RecordHeader } from '#schema/column.ts'
import { Cursor } from './cursor.ts'

/** On the last record of an append: JSON `[source, position]`. */
export const POSITION_HEADER = 'sluice-position'

const decoder = new TextDecoder()

/** The headers that begin at a position of the buffer, without the writer's own; null for none. */
export function readHeaders(buffer: Uint8Array, start: number): readonly RecordHeader[] | null {
  if (start < 0) return null
  const headers = allHeaders(buffer, start).filter(({ name }) => name !== POSITION_HEADER)
  return headers.length === 0 ? null : headers
}

/** The position that a record came with. */
export function readPosition(buffer: Uint8Array, start: number): SourcePosition | undefined {
  if (start < 0) return undefined
  const value = allHeaders(buffer, start).findLast(({ name }) => name === POSITION_HEADER)?.value
  return value == null ? undefined : parsePosition(decoder.decode(value))
}

function parsePosition(text: string): SourcePosition | undefined {
  try {
    const [source, position] = JSON.parse(text) as [unknown, unknown]
    return typeof source === 'string' && typeof position === 'number' ? { source, position } : undefined
  } catch {
    return undefined
  }
}

function allHeaders(buffer: Uint8Array, start: number): readonly RecordHeader[] {
  const cursor = new Cursor(buffer, start)
  const headers: RecordHeader[] = []
  for (let left = cursor.varint(); left > 0; left--) {
    const nameEnd = cursor.varint() + cursor.at
    const name = decoder.decode(buffer.subarray(cursor.at, nameEnd))
    cursor.at = nameEnd
    const length = cursor.varint()
    headers.push({ name, value: length < 0 ? null : new Uint8Array(buffer.subarray(cursor.at, cursor.at + length)) })
    if (length > 0) cursor.at += length
  }
  return headers
}
