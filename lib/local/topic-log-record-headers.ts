/**
 * The headers of a batch's records: per record i32 count (−1: none), per header { i32 name bytes, i32 value bytes (−1:
 * null), name, value }. Present only when a record of the batch has headers.
 */
import type { Bytes } from '#core/time.ts'
import type { RecordHeader } from '#schema/column.ts'

type HeaderLists = readonly (readonly RecordHeader[] | null)[]

/** 0 when no record has a header: then nothing is stored. */
export function recordHeadersBytes(lists: HeaderLists, count: number): Bytes {
  let bytes = count * 4
  let any = false
  for (let i = 0; i < count; i++) {
    for (const header of lists[i] ?? []) {
      any = true
      bytes += 8 + Buffer.byteLength(header.name) + (header.value?.length ?? 0)
    }
  }
  return any ? bytes : 0
}

export function writeRecordHeaders(lists: HeaderLists, count: number, target: Buffer, at: number): void {
  let cursor = at
  for (let i = 0; i < count; i++) {
    const list = lists[i] ?? null
    cursor = target.writeInt32LE(list === null || list.length === 0 ? -1 : list.length, cursor)
    for (const { name, value } of list ?? []) {
      const nameBytes = target.write(name, cursor + 8)
      target.writeInt32LE(nameBytes, cursor)
      target.writeInt32LE(value === null ? -1 : value.length, cursor + 4)
      cursor += 8 + nameBytes
      if (value !== null) {
        target.set(value, cursor)
        cursor += value.length
      }
    }
  }
}

/** Reads the lists of `count` records into `into`, from index `first`; those before `skip` are passed over. */
export function readRecordHeaders(
  source: Buffer,
  at: number,
  records: { readonly skip: number; readonly count: number },
  into: (readonly RecordHeader[] | null)[],
): void {
  let cursor = at
  for (let i = 0; i < records.skip + records.count; i++) {
    const headers = source.readInt32LE(cursor)
    cursor += 4
    const list: RecordHeader[] = []
    for (let h = 0; h < headers; h++) {
      const nameEnd = cursor + 8 + source.readInt32LE(cursor)
      const valueBytes = source.readInt32LE(cursor + 4)
      const end = nameEnd + Math.max(valueBytes, 0)
      if (i >= records.skip) {
        const name = source.toString('utf8', cursor + 8, nameEnd)
        list.push({ name, value: valueBytes < 0 ? null : source.subarray(nameEnd, end) })
      }
      cursor = end
    }
    if (i >= records.skip) into.push(list.length === 0 ? null : list)
  }
}
