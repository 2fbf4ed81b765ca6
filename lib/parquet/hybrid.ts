/**
 * The RLE / bit-packed hybrid of Parquet (Encodings.md, "RLE = 3"): definition levels, repetition levels and dictionary
 * indexes. Runs of at least 8 equal values become one RLE run, everything between them bit-packed groups of 8.
 */

/** Bits that hold 0 … max; at least 1, as Arrow writes it: not every reader takes a width of 0. */
export function bitWidth(max: number): number {
  return Math.max(1, 32 - Math.clz32(max))
}

/** More bytes than `encodeHybrid` can need for `count` values. */
export function hybridBytesMax(count: number, width: number): number {
  return (Math.ceil(count / 8) + 1) * (width + 7) + 16
}

/** Writes values[from, to) of at most 24 bits to `out` at `at`; returns where it ended. */
export function encodeHybrid(
  values: Int32Array,
  from: number,
  to: number,
  width: number,
  out: Uint8Array,
  at: number,
): number {
  let end = at
  let packedFrom = from
  let i = from
  while (i < to) {
    const value = values[i]!
    let runEnd = i + 1
    while (runEnd < to && values[runEnd] === value) runEnd++
    if (runEnd - i >= 8) {
      // Packed groups hold 8 values each: the open one is filled from the front of the run.
      const fill = (8 - ((i - packedFrom) & 7)) & 7
      if (runEnd - i - fill >= 8) {
        if (i + fill > packedFrom) end = packGroups(values, packedFrom, i + fill, width, out, end)
        end = writeRun(value, runEnd - i - fill, width, out, end)
        packedFrom = runEnd
      }
    }
    i = runEnd
  }
  return packedFrom < to ? packGroups(values, packedFrom, to, width, out, end) : end
}

/** One RLE run. */
export function writeRun(value: number, count: number, width: number, out: Uint8Array, at: number): number {
  let end = writeVarint(count * 2, out, at)
  for (let shift = 0; shift < width; shift += 8) out[end++] = value >>> shift
  return end
}

/** 7 bits that are left over and a value of 24 fit in one integer. */
function packGroups(values: Int32Array, from: number, to: number, width: number, out: Uint8Array, at: number): number {
  const groups = (to - from + 7) >>> 3
  let end = writeVarint(groups * 2 + 1, out, at)
  const groupsEnd = end + groups * width
  let bits = 0
  let held = 0
  for (let i = from; i < to; i++) {
    bits |= values[i]! << held
    held += width
    while (held >= 8) {
      out[end++] = bits
      bits >>>= 8
      held -= 8
    }
  }
  if (held > 0) out[end++] = bits
  if (end < groupsEnd) out.fill(0, end, groupsEnd)
  return groupsEnd
}

function writeVarint(value: number, out: Uint8Array, at: number): number {
  let end = at
  let rest = value
  while (rest >= 128) {
    out[end++] = (rest & 127) | 128
    rest >>>= 7
  }
  out[end++] = rest
  return end
}
