/**
 * A set of row indexes of one file, as deletion vectors have them: 64-bit Roaring bitmaps in the portable format
 * (PROTOCOL.md, "Deletion Vector Format"; RoaringFormatSpec). Read only.
 */
export class RowSet {
  readonly size: number
  /** By the row divided by 65,536: low halves in ascending order, or 65,536 bits. */
  private readonly containers: ReadonlyMap<number, Uint16Array | Uint32Array>

  private constructor(containers: ReadonlyMap<number, Uint16Array | Uint32Array>, size: number) {
    this.containers = containers
    this.size = size
  }

  /** @throws RangeError when the bytes are no such bitmap, or end too early */
  static decode(bytes: Uint8Array): RowSet {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const magic = view.getUint32(0, true)
    if (magic !== PORTABLE_MAGIC) throw new RangeError(`expected a bitmap with magic ${PORTABLE_MAGIC}, found ${magic}`)
    const containers = new Map<number, Uint16Array | Uint32Array>()
    const state: Cursor = { view, at: 12, size: 0 }
    const bitmaps = view.getBigUint64(4, true)
    for (let i = 0n; i < bitmaps; i++) {
      const high = view.getUint32(state.at, true)
      state.at += 4
      decodeBitmap(state, high * 65_536, containers)
    }
    return new RowSet(containers, state.size)
  }

  has(row: number): boolean {
    const container = this.containers.get(Math.floor(row / 65_536))
    return container !== undefined && holds(container, row % 65_536)
  }

  /** In ascending order of containers. */
  *[Symbol.iterator](): Generator<number> {
    for (const [key, container] of this.containers) {
      const base = key * 65_536
      if (container instanceof Uint16Array) for (const low of container) yield base + low
      else for (let low = 0; low < 65_536; low++) if (holds(container, low)) yield base + low
    }
  }
}

const PORTABLE_MAGIC = 1_681_511_377
/** Cookies of a 32-bit bitmap: with run containers, and without. */
const WITH_RUNS = 12_347
const WITHOUT_RUNS = 12_346
/** With runs, offsets of the containers are there only from so many on. */
const OFFSETS_FROM = 4
/** A container of more values than this is a bitmap. */
const ARRAY_MAX = 4_096

interface Cursor {
  readonly view: DataView
  at: number
  size: number
}

function decodeBitmap(cursor: Cursor, base: number, containers: Map<number, Uint16Array | Uint32Array>): void {
  const { view } = cursor
  const cookie = view.getUint32(cursor.at, true)
  const hasRuns = (cookie & 0xffff) === WITH_RUNS
  if (!hasRuns && cookie !== WITHOUT_RUNS) throw new RangeError(`expected the cookie of a bitmap, found ${cookie}`)
  const count = hasRuns ? (cookie >>> 16) + 1 : view.getUint32(cursor.at + 4, true)
  if (count > 65_536) throw new RangeError(`expected up to 65536 containers, found ${count}`)
  cursor.at += hasRuns ? 4 : 8
  const runFlags = cursor.at
  if (hasRuns) cursor.at += (count + 7) >> 3
  const headers = cursor.at
  cursor.at += count * 4
  if (!hasRuns || count >= OFFSETS_FROM) cursor.at += count * 4
  for (let i = 0; i < count; i++) {
    const key = view.getUint16(headers + i * 4, true)
    const values = view.getUint16(headers + i * 4 + 2, true) + 1
    const isRun = hasRuns && (view.getUint8(runFlags + (i >> 3)) & (1 << (i & 7))) !== 0
    const container = isRun ? readRuns(cursor) : values > ARRAY_MAX ? readBits(cursor) : readArray(cursor, values)
    containers.set(base + key, container)
    cursor.size += isRun ? bitCount(container as Uint32Array) : values
  }
}

function readArray(cursor: Cursor, values: number): Uint16Array {
  const array = new Uint16Array(values)
  for (let i = 0; i < values; i++) array[i] = cursor.view.getUint16(cursor.at + i * 2, true)
  cursor.at += values * 2
  return array
}

function readBits(cursor: Cursor): Uint32Array {
  const bits = new Uint32Array(2_048)
  for (let i = 0; i < 2_048; i++) bits[i] = cursor.view.getUint32(cursor.at + i * 4, true)
  cursor.at += 8_192
  return bits
}

function readRuns(cursor: Cursor): Uint32Array {
  const bits = new Uint32Array(2_048)
  const runs = cursor.view.getUint16(cursor.at, true)
  cursor.at += 2
  for (let i = 0; i < runs; i++) {
    const start = cursor.view.getUint16(cursor.at, true)
    const last = start + cursor.view.getUint16(cursor.at + 2, true)
    cursor.at += 4
    if (last > 65_535) throw new RangeError(`expected a run within its container, found one up to ${last}`)
    for (let low = start; low <= last; low++) bits[low >> 5]! |= 1 << (low & 31)
  }
  return bits
}

function bitCount(bits: Uint32Array): number {
  let count = 0
  for (const word of bits) for (let rest = word; rest !== 0; rest &= rest - 1) count++
  return count
}

function holds(container: Uint16Array | Uint32Array, low: number): boolean {
  if (container instanceof Uint32Array) return (container[low >> 5]! & (1 << (low & 31))) !== 0
  let from = 0
  let to = container.length - 1
  while (from <= to) {
    const middle = (from + to) >> 1
    const value = container[middle]!
    if (value === low) return true
    if (value < low) from = middle + 1
    else to = middle - 1
  }
  return false
}
