import type { ByteReader, ByteWriter } from '#core/bytes.ts'
import type { Aggregate, AggregateValue, RecordPlace } from '#window/accumulator.ts'
import { comparePlaces, decodePlace, encodePlace, NOWHERE } from '#window/place.ts'
import { decodeScalar, encodeScalar } from '#window/scalar.ts'

interface Item {
  readonly place: RecordPlace
  readonly value: number | string | boolean
}

interface CollectState {
  /** Ascending by place; all that there are before `cut`. */
  readonly items: Item[]
  /** Values seen, kept or not. */
  count: number
  /** Place of the first value that had no room: nothing at it or after it is kept. Null while everything is. */
  cut: RecordPlace | null
}

/** Characters that the texts of one list have together. Keeps a page of state small, whatever people write. */
const TEXT_MAX = 16_384

/**
 * The values of the earliest records, at most `limit` of them, by event time, partition and offset. What is kept is a prefix of all
 * values in that order, so it depends on neither batches nor partitions: the prefix of a whole is made of prefixes of its parts.
 */
export class Collect implements Aggregate<CollectState> {
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  zero(): CollectState {
    return { items: [], count: 0, cut: null }
  }

  add(state: CollectState, value: AggregateValue, place: RecordPlace = NOWHERE): CollectState {
    if (value === null) return state
    state.count++
    if (state.cut !== null && comparePlaces(place, state.cut) >= 0) return state
    const { items } = state
    let at = items.length
    while (at > 0 && comparePlaces(items[at - 1]!.place, place) > 0) at--
    items.splice(at, 0, { place: { time: place.time, partition: place.partition, offset: place.offset }, value })
    return this.cutOff(state)
  }

  merge(a: CollectState, b: CollectState): CollectState {
    const cut = a.cut === null || (b.cut !== null && comparePlaces(b.cut, a.cut) < 0) ? b.cut : a.cut
    const items = [...a.items, ...b.items]
      .filter(({ place }) => cut === null || comparePlaces(place, cut) < 0)
      .sort((x, y) => comparePlaces(x.place, y.place))
    return this.cutOff({ items, count: a.count + b.count, cut })
  }

  /** JSON: the values, and how many there were beside them. */
  finish({ items, count }: CollectState): string | null {
    if (count === 0) return null
    return JSON.stringify({ values: items.map(({ value }) => value), left_out: count - items.length })
  }

  encode({ items, count, cut }: CollectState, writer: ByteWriter): void {
    writer.varint(count)
    writer.varint(items.length * 2 + (cut === null ? 0 : 1))
    let before = NOWHERE
    for (const { place, value } of items) {
      encodePlace(place, before, writer)
      encodeScalar(value, writer)
      before = place
    }
    if (cut !== null) encodePlace(cut, before, writer)
  }

  decode(reader: ByteReader): CollectState {
    const count = reader.varint()
    const lengthAndCut = reader.varint()
    const items: Item[] = []
    let before = NOWHERE
    for (let left = Math.floor(lengthAndCut / 2); left > 0; left--) {
      before = decodePlace(before, reader)
      items.push({ place: before, value: decodeScalar(reader.varint(), reader)! })
    }
    return { items, count, cut: lengthAndCut % 2 === 1 ? decodePlace(before, reader) : null }
  }

  private cutOff(state: CollectState): CollectState {
    const { items } = state
    let characters = 0
    for (let i = 0; i < items.length; i++) {
      const { value, place } = items[i]!
      if (typeof value === 'string') characters += value.length
      if (i < this.limit && characters <= TEXT_MAX) continue
      state.cut = place
      items.length = i
      break
    }
    return state
  }
}
