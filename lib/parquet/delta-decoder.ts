/** The DELTA encodings (Encodings.md, 5 to 7). */

/** Where reading goes on. */
export interface ByteCursor {
  readonly bytes: Uint8Array
  at: number
}

/**
 * DELTA_BINARY_PACKED: `count` whole numbers, with 64-bit arithmetic that wraps.
 *
 * @param bits 32 or 64, those of the type
 * @throws RangeError when the bytes end before the values do
 */
export function decodeDeltas(cursor: ByteCursor, count: number, bits: 32 | 64): BigInt64Array {
  const blockSize = readVarint(cursor)
  const miniblocks = readVarint(cursor)
  const total = readVarint(cursor)
  const perMiniblock = blockSize / miniblocks
  if (total < count || !Number.isInteger(perMiniblock) || perMiniblock % 8 !== 0 || perMiniblock === 0) {
    throw new RangeError(
      `deltas of ${total} values in blocks of ${blockSize} and ${miniblocks}, where ${count} were expected`,
    )
  }
  const out = new BigInt64Array(count)
  let value = readZigzag(cursor)
  if (count > 0) out[0] = value
  let done = 1
  while (done < count) {
    const minDelta = readZigzag(cursor)
    const widths = cursor.at
    cursor.at += miniblocks
    for (let i = 0; i < miniblocks && done < count; i++) {
      const width = byteAt(cursor.bytes, widths + i)
      if (width > bits) throw new RangeError(`deltas of ${width} bits`)
      const until = Math.min(count, done + perMiniblock)
      const size = (perMiniblock * width) / 8
      if (cursor.at + size > cursor.bytes.length) throw new RangeError('deltas end before the page does')
      for (let bit = 0; done < until; bit += width) {
        value = BigInt.asIntN(bits, value + minDelta + bitsAt(cursor, bit, width))
        out[done++] = value
      }
      cursor.at += size
    }
  }
  return out
}

function bitsAt({ bytes, at }: ByteCursor, bit: number, width: number): bigint {
  let position = at * 8 + bit
  let low = 0
  let high = 0
  for (let got = 0; got < width; ) {
    const inByte = position & 7
    const size = Math.min(8 - inByte, width - got)
    const part = (bytes[Math.floor(position / 8)]! >>> inByte) & ((1 << size) - 1)
    if (got < 32) low += part * 2 ** got
    else high += part * 2 ** (got - 32)
    got += size
    position += size
  }
  return high === 0 ? BigInt(low) : (BigInt(high) << 32n) + BigInt(low)
}

/** Texts or bytes: value i is bytes[starts[i], ends[i]). */
export interface ByteSlices {
  readonly bytes: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
}

/** DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes. */
export function decodeDeltaLengths(cursor: ByteCursor, count: number): ByteSlices {
  const lengths = decodeDeltas(cursor, count, 32)
  const starts = new Int32Array(count)
  const ends = new Int32Array(count)
  let at = cursor.at
  for (let i = 0; i < count; i++) {
    const length = Number(lengths[i]!)
    starts[i] = at
    at += length
    if (length < 0 || at > cursor.bytes.length) throw new RangeError('a text reaches beyond the end of its page')
    ends[i] = at
  }
  cursor.at = at
  return { bytes: cursor.bytes, starts, ends }
}

/** DELTA_BYTE_ARRAY: each value starts as the one before it did, for so many bytes. */
export function decodeDeltaStrings(cursor: ByteCursor, count: number): ByteSlices {
  const prefixes = decodeDeltas(cursor, count, 32)
  const suffixes = decodeDeltaLengths(cursor, count)
  let size = 0
  for (let i = 0; i < count; i++) size += Number(prefixes[i]!) + suffixes.ends[i]! - suffixes.starts[i]!
  if (!(size >= 0 && size < 2 ** 31)) throw new RangeError(`a page of ${size} bytes of text`)
  const bytes = new Uint8Array(size)
  const starts = new Int32Array(count)
  const ends = new Int32Array(count)
  let end = 0
  for (let i = 0; i < count; i++) {
    const before = i === 0 ? 0 : starts[i - 1]!
    const prefix = Number(prefixes[i]!)
    if (prefix < 0 || before + prefix > end) throw new RangeError('a text starts like one that is shorter')
    starts[i] = end
    bytes.copyWithin(end, before, before + prefix)
    bytes.set(cursor.bytes.subarray(suffixes.starts[i]!, suffixes.ends[i]!), end + prefix)
    end += prefix + suffixes.ends[i]! - suffixes.starts[i]!
    ends[i] = end
  }
  return { bytes, starts, ends }
}

/** BYTE_STREAM_SPLIT: the first bytes of all values, then the second ones, …; gives the values one after the other. */
export function joinStreams(bytes: Uint8Array, start: number, count: number, width: number): Uint8Array {
  if (start + count * width > bytes.length) throw new RangeError('values end before the page does')
  const out = new Uint8Array(count * width)
  for (let k = 0; k < width; k++) {
    const stream = start + k * count
    for (let i = 0; i < count; i++) out[i * width + k] = bytes[stream + i]!
  }
  return out
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new RangeError('deltas end before the page does')
  return byte
}

function readVarint(cursor: ByteCursor): number {
  const value = Number(readUnsigned(cursor))
  if (!Number.isSafeInteger(value)) throw new RangeError(`a length of ${value}`)
  return value
}

function readZigzag(cursor: ByteCursor): bigint {
  const value = readUnsigned(cursor)
  return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
}

function readUnsigned(cursor: ByteCursor): bigint {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = byteAt(cursor.bytes, cursor.at++)
    value |= BigInt(byte & 127) << shift
    if (byte < 128) return value
  }
  throw new RangeError('a number of more than 64 bits')
}
