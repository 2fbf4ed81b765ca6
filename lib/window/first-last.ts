import type { ByteReader, ByteWriter } from '#core/bytes.ts'
import type { Aggregate, AggregateValue, RecordPlace } from '#window/accumulator.ts'
import { comparePlaces, decodePlace, encodePlace, NOWHERE } from '#window/place.ts'
import { decodeScalar, encodeScalar } from '#window/scalar.ts'

interface Placed {
  readonly place: RecordPlace
  readonly value: number | string | boolean
}

type PlacedState = Placed | null

/**
 * The value of the earliest (sign −1) or latest (sign 1) record that has one: by event time, among equal times by partition, then
 * offset. Not by arrival, so that no batch boundary shows.
 */
export class FirstOrLast implements Aggregate<PlacedState> {
  private readonly sign: -1 | 1

  constructor(sign: -1 | 1) {
    this.sign = sign
  }

  zero(): PlacedState {
    return null
  }

  add(state: PlacedState, value: AggregateValue, place: RecordPlace = NOWHERE): PlacedState {
    if (value === null) return state
    if (state !== null && comparePlaces(state.place, place) * this.sign >= 0) return state
    return { place: { time: place.time, partition: place.partition, offset: place.offset }, value }
  }

  merge(a: PlacedState, b: PlacedState): PlacedState {
    if (a === null) return b
    if (b === null) return a
    return comparePlaces(a.place, b.place) * this.sign >= 0 ? a : b
  }

  finish(state: PlacedState): AggregateValue {
    return state === null ? null : state.value
  }

  encode(state: PlacedState, writer: ByteWriter): void {
    encodeScalar(state?.value ?? null, writer)
    if (state !== null) encodePlace(state.place, NOWHERE, writer)
  }

  decode(reader: ByteReader): PlacedState {
    const value = decodeScalar(reader.varint(), reader)
    return value === null ? null : { value, place: decodePlace(NOWHERE, reader) }
  }
}
