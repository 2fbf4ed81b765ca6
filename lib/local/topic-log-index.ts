import type { Bytes } from '#core/time.ts'

export interface IndexEntry {
  readonly baseOffset: number
  readonly count: number
  /** Bytes of keys and values: of what `maxBytes` counts, all but the record headers. */
  readonly payload: Bytes
  /** Index of the segment in its partition. */
  readonly segment: number
  /** Where the batch begins in the segment's file, and how long it is. */
  readonly position: number
  readonly length: Bytes
}

/** Where each batch of a partition lies: 28 bytes a batch, in offset order. */
export class BatchIndex {
  length = 0
  #baseOffsets = new Float64Array(64)
  #counts = new Uint32Array(64)
  #payloads = new Uint32Array(64)
  #segments = new Uint32Array(64)
  #positions = new Uint32Array(64)
  #lengths = new Uint32Array(64)

  push(entry: IndexEntry): void {
    if (this.length === this.#counts.length) this.#grow()
    const i = this.length++
    this.#baseOffsets[i] = entry.baseOffset
    this.#counts[i] = entry.count
    this.#payloads[i] = entry.payload
    this.#segments[i] = entry.segment
    this.#positions[i] = entry.position
    this.#lengths[i] = entry.length
  }

  /** Forgets the batches of this segment from `position` on; gives the first offset that is gone, if any is. */
  cut(segment: number, position: number): number | undefined {
    let first: number | undefined
    for (let i = this.length - 1; i >= 0; i--) {
      if (this.#segments[i] !== segment || this.#positions[i]! < position) break
      first = this.#baseOffsets[i]!
      this.length = i
    }
    return first
  }

  /** The first batch that has a record with an offset ≥ `from`; `length` when there is none. */
  find(from: number): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#baseOffsets[middle]! + this.#counts[middle]! > from) high = middle
      else low = middle + 1
    }
    return low
  }

  baseOffset(i: number): number {
    return this.#baseOffsets[i]!
  }
  count(i: number): number {
    return this.#counts[i]!
  }
  payload(i: number): Bytes {
    return this.#payloads[i]!
  }
  segment(i: number): number {
    return this.#segments[i]!
  }
  position(i: number): number {
    return this.#positions[i]!
  }
  /** Where in the segment's file the batch ends. */
  end(i: number): number {
    return this.#positions[i]! + this.#lengths[i]!
  }
  fileLength(i: number): Bytes {
    return this.#lengths[i]!
  }

  #grow(): void {
    const size = this.#counts.length * 2
    this.#baseOffsets = copied(new Float64Array(size), this.#baseOffsets)
    this.#counts = copied(new Uint32Array(size), this.#counts)
    this.#payloads = copied(new Uint32Array(size), this.#payloads)
    this.#segments = copied(new Uint32Array(size), this.#segments)
    this.#positions = copied(new Uint32Array(size), this.#positions)
    this.#lengths = copied(new Uint32Array(size), this.#lengths)
  }
}

function copied<A extends Float64Array | Uint32Array>(into: A, from: A): A {
  into.set(from)
  return into
}
