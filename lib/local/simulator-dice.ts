/** Random numbers that follow from a seed: the same ones for the same seed, on any machine. Not for secrets. */
export class Dice {
  #state = 0

  /** Starts over for number `index` (any whole number) of a seed's stream. */
  reset(seed: number, index: number): void {
    const low = Math.imul(index | 0, 0x9e3779b1)
    const high = Math.imul(Math.floor(index / 2 ** 32) | 0, 0x85ebca6b)
    this.#state = mix(Math.imul(seed | 0, 0xc2b2ae35) ^ mix(low ^ high))
  }

  /** In [0, 1), in steps of 2^-32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    return (mix(this.#state) >>> 0) / 2 ** 32
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }
}

/** Spreads every bit over all others (finalizer of MurmurHash3). */
function mix(value: number): number {
  let hash = value ^ (value >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** Picks an index by weight: `sums` are the running sums of the weights. */
export function pick(dice: Dice, sums: Float64Array): number {
  const at = dice.next() * sums[sums.length - 1]!
  let index = 0
  while (sums[index]! <= at) index++
  return index
}

export function runningSums(weights: readonly number[]): Float64Array {
  let sum = 0
  return Float64Array.from(weights, (weight) => {
    sum += weight
    return sum
  })
}
