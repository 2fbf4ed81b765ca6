/** The other direction of hybrid.ts: RLE / bit-packed runs (Encodings.md, "RLE = 3"). */

/** Runs of bytes[at, end), read one after the other. */
interface Runs {
  readonly bytes: Uint8Array
  at: number
  readonly end: number
}

/**
 * Decodes `count` values of `width` bits (0 to 32). Values above 31 bits come out as unsigned numbers.
 *
 * @throws RangeError when the bytes end before the values do
 */
export function decodeHybrid(
  bytes: Uint8Array,
  start: number,
  end: number,
  width: number,
  count: number,
): Int32Array<ArrayBuffer> {
  // Packed groups are whole: the last one may have up to 7 values more.
  const out = new Int32Array(count + 7)
  if (width === 0) return out
  if (width > 32) throw new RangeError(`values of ${width} bits`)
  const runs: Runs = { bytes, at: start, end }
  let done = 0
  while (done < count) {
    const head = runHead(runs)
    if ((head & 1) === 0) {
      const times = Math.min(head >>> 1, count - done)
      const value = runValue(runs, width)
      out.fill(value, done, done + times)
      done += times
      continue
    }
    const groups = Math.min(head >>> 1, (count - done + 7) >>> 3)
    need(runs, groups * width)
    unpack(bytes, runs.at, width, out, done, groups * 8)
    runs.at += (head >>> 1) * width
    done += groups * 8
  }
  return out
}

/**
 * Definition levels of a flat column that may be null: 1 where there is a value. Returns how many there are.
 *
 * @throws RangeError when the bytes end before the levels do
 */
export function decodeValidity(
  bytes: Uint8Array,
  start: number,
  end: number,
  valid: Uint8Array,
  count: number,
): number {
  const runs: Runs = { bytes, at: start, end }
  let present = 0
  let done = 0
  while (done < count) {
    const head = runHead(runs)
    if ((head & 1) === 0) {
      const times = Math.min(head >>> 1, count - done)
      const value = runValue(runs, 1) & 1
      valid.fill(value, done, done + times)
      present += value * times
      done += times
      continue
    }
    const until = Math.min(count, done + (head >>> 1) * 8)
    need(runs, (until - done + 7) >>> 3)
    for (let at = runs.at; done < until; at++) {
      let bits = bytes[at]!
      for (const stop = Math.min(until, done + 8); done < stop; done++) {
        const bit = bits & 1
        valid[done] = bit
        present += bit
        bits >>>= 1
      }
    }
    runs.at += head >>> 1
  }
  return present
}

function runHead(runs: Runs): number {
  let head = 0
  for (let shift = 0; shift < 35; shift += 7) {
    need(runs, 1)
    const byte = runs.bytes[runs.at++]!
    head |= (byte & 127) << shift
    if (byte < 128) return head >>> 0
  }
  throw new RangeError('a run of levels or indexes has a length of more than 32 bits')
}

function runValue(runs: Runs, width: number): number {
  const size = (width + 7) >>> 3
  need(runs, size)
  let value = 0
  for (let i = 0; i < size; i++) value |= runs.bytes[runs.at++]! << (i * 8)
  return value
}

function need({ at, end }: Runs, size: number): void {
  if (at + size > end) throw new RangeError('levels or indexes end before the page does')
}

function unpack(bytes: Uint8Array, start: number, width: number, out: Int32Array, from: number, count: number): void {
  const end = Math.min(out.length, from + count)
  let at = start
  if (width <= 24) {
    const mask = (1 << width) - 1
    let bits = 0
    let held = 0
    for (let i = from; i < end; i++) {
      while (held < width) {
        bits |= bytes[at++]! << held
        held += 8
      }
      out[i] = bits & mask
      bits >>>= width
      held -= width
    }
    return
  }
  // More than 24 bits and what is left over of a byte do not fit in 32.
  for (let i = from, bit = 0; i < end; i++, bit += width) {
    let value = 0
    for (let k = 0; k < width; k++) {
      const position = bit + k
      value |= ((bytes[at + (position >>> 3)]! >>> (position & 7)) & 1) << k
    }
    out[i] = value
  }
}
