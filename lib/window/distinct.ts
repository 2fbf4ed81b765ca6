import type { ByteReader, ByteWriter } from '#core/bytes.ts'
import { SluiceError } from '#core/errors.ts'
import type { Aggregate, AggregateValue } from '#window/accumulator.ts'

/** 2^12 registers: a standard error of 1.04 / √4096 = 1.6 %. */
const REGISTER_BITS = 12
const REGISTERS = 2 ** REGISTER_BITS
/** Bits of a hash that a register's rank is taken from. */
const RANK_BITS = 53 - REGISTER_BITS
/** Up to so many distinct values are kept as their hashes, and counted exactly. */
const EXACT_MAX = 256

/** Hashes of the values, or, once there are more than EXACT_MAX, the largest rank of each register. */
type DistinctState = Set<number> | Uint8Array

/**
 * Number of distinct values. Exact up to 256 (but for two values with the same 53 bits of hash: less than one group in 10^11);
 * beyond that HyperLogLog (Flajolet et al., 2007) with Ertl's estimator ("New cardinality estimation algorithms for HyperLogLog
 * sketches", 2017), which needs no corrections: standard error 1.6 %, whatever the number.
 *
 * 7 bytes a value while it is exact, then about 2 KB.
 */
export class Distinct implements Aggregate<DistinctState> {
  zero(): DistinctState {
    return new Set()
  }

  add(state: DistinctState, value: AggregateValue): DistinctState {
    if (value === null) return state
    const hash = hashValue(value)
    if (state instanceof Set) {
      state.add(hash)
      return state.size > EXACT_MAX ? registersOf(state) : state
    }
    raise(state, hash)
    return state
  }

  merge(a: DistinctState, b: DistinctState): DistinctState {
    if (a instanceof Set) {
      if (!(b instanceof Set)) return this.merge(b, a)
      const both = new Set([...a, ...b])
      return both.size > EXACT_MAX ? registersOf(both) : both
    }
    const merged = a.slice()
    if (b instanceof Set) for (const hash of b) raise(merged, hash)
    else for (let i = 0; i < REGISTERS; i++) if (b[i]! > merged[i]!) merged[i] = b[i]!
    return merged
  }

  finish(state: DistinctState): number {
    return state instanceof Set ? state.size : Math.round(estimate(state))
  }

  encode(state: DistinctState, writer: ByteWriter): void {
    if (!(state instanceof Set)) {
      encodeRegisters(state, writer)
      return
    }
    writer.varint(state.size)
    let before = 0
    for (const hash of [...state].sort((a, b) => a - b)) {
      writer.varint(hash - before)
      before = hash
    }
  }

  decode(reader: ByteReader): DistinctState {
    const count = reader.varint()
    if (count > EXACT_MAX) return decodeRegisters(count - EXACT_MAX - 1, reader)
    const hashes = new Set<number>()
    let hash = 0
    for (let i = 0; i < count; i++) {
      hash += reader.varint()
      hashes.add(hash)
    }
    return hashes
  }
}

function registersOf(hashes: ReadonlySet<number>): Uint8Array {
  const registers = new Uint8Array(REGISTERS)
  for (const hash of hashes) raise(registers, hash)
  return registers
}

function raise(registers: Uint8Array, hash: number): void {
  const index = hash % REGISTERS
  const rank = rankOf(Math.floor(hash / REGISTERS))
  if (rank > registers[index]!) registers[index] = rank
}

/** One more than the zero bits at the low end. */
function rankOf(bits: number): number {
  if (bits === 0) return RANK_BITS + 1
  const low = bits % 2 ** 20
  if (low !== 0) return 32 - Math.clz32(low & -low)
  const high = Math.floor(bits / 2 ** 20)
  return 52 - Math.clz32(high & -high)
}

/** Ertl's improved raw estimator: algorithm 6 of the paper. */
function estimate(registers: Uint8Array): number {
  const counts = new Float64Array(RANK_BITS + 2)
  for (let i = 0; i < REGISTERS; i++) counts[registers[i]!]! += 1
  let z = REGISTERS * tau(1 - counts[RANK_BITS + 1]! / REGISTERS)
  for (let rank = RANK_BITS; rank >= 1; rank--) z = (z + counts[rank]!) / 2
  z += REGISTERS * sigma(counts[0]! / REGISTERS)
  return (REGISTERS * REGISTERS) / (2 * Math.LN2 * z)
}

function sigma(empty: number): number {
  if (empty === 1) return Number.POSITIVE_INFINITY
  let x = empty
  let y = 1
  let sum = x
  for (let before = Number.NaN; sum !== before; ) {
    x *= x
    before = sum
    sum += x * y
    y += y
  }
  return sum
}

function tau(full: number): number {
  if (full === 0 || full === 1) return 0
  let x = full
  let y = 1
  let sum = 1 - x
  for (let before = Number.NaN; sum !== before; ) {
    x = Math.sqrt(x)
    before = sum
    y /= 2
    sum -= (1 - x) ** 2 * y
  }
  return sum / 3
}

/** Ranks of one sketch lie close together: half a byte each above the smallest, the few that need more one by one behind them. */
function encodeRegisters(registers: Uint8Array, writer: ByteWriter): void {
  let base = RANK_BITS + 1
  for (let i = 0; i < REGISTERS; i++) base = Math.min(base, registers[i]!)
  writer.varint(EXACT_MAX + 1 + base)
  const nibbles = new Uint8Array(REGISTERS / 2)
  const far: number[] = []
  for (let i = 0; i < REGISTERS; i++) {
    const above = registers[i]! - base
    if (above >= 15) far.push(above)
    nibbles[i >> 1]! |= Math.min(above, 15) << ((i & 1) * 4)
  }
  writer.raw(nibbles)
  for (const above of far) writer.varint(above)
}

function decodeRegisters(base: number, reader: ByteReader): Uint8Array {
  const registers = new Uint8Array(REGISTERS)
  for (let i = 0; i < REGISTERS; i += 2) {
    const both = reader.byte()
    registers[i] = both & 15
    registers[i + 1] = both >> 4
  }
  for (let i = 0; i < REGISTERS; i++) {
    const rank = base + (registers[i] === 15 ? reader.varint() : registers[i]!)
    if (rank > RANK_BITS + 1) {
      throw new SluiceError(
        'STATE_CORRUPT',
        `Expected ranks up to ${RANK_BITS + 1} in a distinct count, found ${rank}.`,
      )
    }
    registers[i] = rank
  }
  return registers
}

const double = new DataView(new ArrayBuffer(8))

/** 53 bits, the same for ever: states keep them. −0 is 0. */
function hashValue(value: number | string | boolean): number {
  let a = 0x2545f491
  let b = 0x6c8e9cf5
  const mix = (word: number): void => {
    a = Math.imul(a ^ word, 0x85ebca6b)
    a ^= a >>> 15
    b = Math.imul(b ^ word, 0xc2b2ae35)
    b ^= b >>> 13
    b = (b + a) | 0
  }
  if (typeof value === 'string') {
    for (let i = 0; i < value.length; i++) mix(value.charCodeAt(i))
    mix(value.length)
  } else {
    double.setFloat64(0, Number(value) + 0)
    mix(double.getInt32(0))
    mix(double.getInt32(4))
  }
  return (avalanche(a ^ Math.imul(b, 0x9e3779b1)) & 0x1fffff) * 2 ** 32 + (avalanche(b) >>> 0)
}

/** The finalizer of MurmurHash3: every bit of the word reaches every bit of the result. */
function avalanche(word: number): number {
  let mixed = word ^ (word >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
