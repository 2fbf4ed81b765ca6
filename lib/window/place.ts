import type { ByteReader, ByteWriter } from '#core/bytes.ts'
import type { RecordPlace } from '#window/accumulator.ts'

export const NOWHERE: RecordPlace = Object.freeze({ time: 0, partition: 0, offset: 0 })

export function comparePlaces(a: RecordPlace, b: RecordPlace): number {
  return a.time - b.time || a.partition - b.partition || a.offset - b.offset
}

/** As the distance to the place before. */
export function encodePlace(place: RecordPlace, before: RecordPlace, writer: ByteWriter): void {
  writer.zigzag(place.time - before.time)
  writer.varint(place.partition)
  writer.zigzag(place.offset - before.offset)
}

export function decodePlace(before: RecordPlace, reader: ByteReader): RecordPlace {
  return {
    time: before.time + reader.zigzag(),
    partition: reader.varint(),
    offset: before.offset + reader.zigzag(),
  }
}
