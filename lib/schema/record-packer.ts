import type { Bytes } from '#core/time.ts'
import type { RecordHeader } from '#schema/column.ts'
import type { NewRecords } from '#schema/record-batch.ts'

const FIRST_BYTES = 16 * 1024
const FIRST_RECORDS = 64
/** `reset` lets go of a buffer that one huge record made larger than this. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024

/** What values are written to: bytes, and a view of the same bytes for whoever writes words. */
export interface ByteTarget {
  readonly buffer: Uint8Array
  readonly view: DataView
}

/**
 * Packs keys and values end to end into one buffer that grows by doubling; no allocation per record.
 *
 * A value is added whole (`add`), or written in place: `begin` copies the key and makes room, the caller writes to `buffer`
 * from the returned position on, `end` takes the record in. Without `end` nothing was added.
 *
 * `take` hands the arrays over. Whoever took them may then
 * - call `reset()` when they are done with them (`TopicWriter.append` has resolved): the arrays are used again; or
 * - just go on adding: the packer starts with arrays of its own, and those handed over stay as they are.
 */
export class RecordPacker implements ByteTarget {
  /** Where `begin` makes room. Replaced when it grows: read it after `begin`. */
  buffer!: Uint8Array
  view!: DataView
  #keyStarts: Int32Array
  #keyEnds: Int32Array
  #valueStarts: Int32Array
  #valueEnds: Int32Array
  #headers: (readonly RecordHeader[] | null)[] | null = null
  #count = 0
  #bytes = 0
  #taken = false
  #keyStart = -1
  #keyEnd = -1
  #valueStart = -1

  constructor() {
    this.#use(new Uint8Array(FIRST_BYTES))
    this.#keyStarts = new Int32Array(FIRST_RECORDS)
    this.#keyEnds = new Int32Array(FIRST_RECORDS)
    this.#valueStarts = new Int32Array(FIRST_RECORDS)
    this.#valueEnds = new Int32Array(FIRST_RECORDS)
  }

  /** Records added since the last `take` or `reset`. */
  get count(): number {
    return this.#taken ? 0 : this.#count
  }

  /** Keys and values of those records; headers don't count. */
  get bytes(): Bytes {
    return this.#taken ? 0 : this.#bytes
  }

  /** Adds the record whose key is key[keyStart, keyEnd) (null: none) and whose value is value[valueStart, valueEnd) (null: a tombstone). */
  add(
    key: Uint8Array | null,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array | null,
    valueStart: number,
    valueEnd: number,
    headers: readonly RecordHeader[] | null = null,
  ): void {
    const length = value === null ? 0 : valueEnd - valueStart
    const at = this.begin(key, keyStart, keyEnd, length)
    if (value !== null) copyBytes(value, valueStart, valueEnd, this.buffer, at)
    this.end(at + length, headers)
    if (value === null) this.#valueStarts[this.#count - 1] = -1
  }

  /** Starts a record: copies its key and makes room for a value of up to `room` bytes. Returns where in `buffer` it begins. */
  begin(key: Uint8Array | null, keyStart: number, keyEnd: number, room: Bytes): number {
    if (this.#taken) this.#startFresh()
    if (this.#count === this.#keyStarts.length) this.#growRecords()
    const keyLength = key === null ? 0 : keyEnd - keyStart
    if (this.#bytes + keyLength + room > this.buffer.length) this.#growBuffer(this.#bytes + keyLength + room)
    const at = this.#bytes
    this.#keyStart = key === null ? -1 : at
    this.#keyEnd = key === null ? -1 : at + keyLength
    this.#valueStart = at + keyLength
    if (key !== null) copyBytes(key, keyStart, keyEnd, this.buffer, at)
    return this.#valueStart
  }

  /** Takes in the record that `begin` started; its value ends at `valueEnd`, within the room it asked for. */
  end(valueEnd: number, headers: readonly RecordHeader[] | null = null): void {
    const index = this.#count
    this.#keyStarts[index] = this.#keyStart
    this.#keyEnds[index] = this.#keyEnd
    this.#valueStarts[index] = this.#valueStart
    this.#valueEnds[index] = valueEnd
    if (headers !== null) this.#headers ??= new Array<null>(index).fill(null)
    if (this.#headers !== null) this.#headers.push(headers)
    this.#count = index + 1
    this.#bytes = valueEnd
  }

  /** Hands over what was added. The arrays belong to the caller until `reset`; the packer itself never writes to them again. */
  take(): NewRecords {
    if (this.#taken) this.#startFresh()
    this.#taken = true
    return {
      count: this.#count,
      buffer: this.buffer,
      keyStarts: this.#keyStarts,
      keyEnds: this.#keyEnds,
      valueStarts: this.#valueStarts,
      valueEnds: this.#valueEnds,
      headers: this.#headers,
    }
  }

  /** Empties the packer and keeps its arrays: what was taken is no longer valid. */
  reset(): void {
    this.#taken = false
    this.#count = 0
    this.#bytes = 0
    this.#headers = null
    if (this.buffer.length > KEPT_BYTES_MAX) this.#use(new Uint8Array(FIRST_BYTES))
  }

  #startFresh(): void {
    // As large as before: what comes next is usually as long as what went.
    this.#use(new Uint8Array(Math.min(this.buffer.length, KEPT_BYTES_MAX)))
    this.#keyStarts = new Int32Array(this.#keyStarts.length)
    this.#keyEnds = new Int32Array(this.#keyEnds.length)
    this.#valueStarts = new Int32Array(this.#valueStarts.length)
    this.#valueEnds = new Int32Array(this.#valueEnds.length)
    this.reset()
  }

  #growRecords(): void {
    this.#keyStarts = grown(this.#keyStarts)
    this.#keyEnds = grown(this.#keyEnds)
    this.#valueStarts = grown(this.#valueStarts)
    this.#valueEnds = grown(this.#valueEnds)
  }

  #growBuffer(needed: Bytes): void {
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2))
    larger.set(this.buffer.subarray(0, this.#bytes))
    this.#use(larger)
  }

  #use(buffer: Uint8Array): void {
    this.buffer = buffer
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  }
}

function grown(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}

/** A loop for short ranges: it costs less than the view that `set` needs. */
function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > 128) {
    to.set(from.subarray(start, end), at)
    return
  }
  for (let i = start; i < end; i++) to[at++] = from[i]!
}
