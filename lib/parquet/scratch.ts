/**
 * Memory that is reused from one call to the next, so that a batch costs no new arrays. Safe because the encoder is
 * synchronous: whoever takes a scratch array is done with it before anybody else can take it.
 */
export interface Int32Scratch {
  /** An array of at least `length` elements, holding what its last user left in it; a new one is zero. */
  take(length: number): Int32Array
  /** Gives back what is above `lengthMax` elements, so that one huge batch does not hold its memory for ever. */
  trim(lengthMax: number): void
}

export function int32Scratch(): Int32Scratch {
  let array = new Int32Array(0)
  return {
    take(length) {
      if (array.length < length) array = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(length, 1024))))
      return array
    },
    trim(lengthMax) {
      if (array.length > lengthMax) array = new Int32Array(0)
    },
  }
}

let order = new Int32Array(0)

/** 0, 1, 2, … up to `count` and beyond: for values that are written as they lie. Nobody writes into it. */
export function ascending(count: number): Int32Array {
  if (order.length < count) {
    order = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(count, 1024))))
    for (let i = 0; i < order.length; i++) order[i] = i
  }
  return order
}
