import { parseDecimal, parseShortDecimal, putFixed } from './decimal.ts'
import { FixedValues } from './fixed-values.ts'
import { PhysicalType } from './format.ts'
import { putLong } from './int64.ts'
import { invalidInRun, type RunRows } from './invalid-value.ts'
import type { Leaf } from './leaves.ts'
import { boundInts, boundLongs } from './number-values.ts'
import type { Bounds } from './statistics.ts'

/** Of a decimal: 32 bits up to 9 digits, 64 up to 18, else as many bytes as its precision takes. */
export class DecimalValues extends FixedValues {
  readonly #scale: number
  readonly #precision: number
  readonly #limit: bigint
  readonly #shortLimit: number
  readonly #type: number
  /** Bounds of those of more than 64 bits. */
  #low: bigint | null = null
  #high: bigint | null = null

  constructor(leaf: Leaf, precision: number, name: string) {
    super(name, leaf.type === PhysicalType.int32 ? 4 : leaf.type === PhysicalType.int64 ? 8 : (leaf.width ?? 0))
    this.#scale = leaf.scale ?? 0
    this.#precision = precision
    this.#limit = 10n ** BigInt(precision)
    this.#shortLimit = 10 ** Math.min(precision, 15)
    this.#type = leaf.type
  }

  pushAll(values: readonly unknown[], rows: RunRows, count: number): void {
    this.reserve(count)
    for (let i = 0; i < count; i++) {
      const value = values[i]
      const text =
        typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'bigint' ? `${value}` : ''
      if (!this.#putShort(text) && !this.#put(text)) throw this.#invalid(rows, i, value)
      this.count++
    }
  }

  /** False for what takes more than a few digits. */
  #putShort(text: string): boolean {
    const short = this.#type === PhysicalType.fixed ? Number.NaN : parseShortDecimal(text, this.#scale)
    if (!(short < this.#shortLimit && short > -this.#shortLimit)) return false
    if (this.#type === PhysicalType.int32) this.ints[this.count] = short
    else putLong(short, this.ints, this.count * 2)
    return true
  }

  #put(text: string): boolean {
    const unscaled = parseDecimal(text, this.#scale)
    if (unscaled === null || unscaled >= this.#limit || unscaled <= -this.#limit) return false
    if (this.#type === PhysicalType.int32) this.ints[this.count] = Number(unscaled)
    else if (this.#type === PhysicalType.int64) {
      this.ints[this.count * 2] = Number(unscaled & 0xffffffffn)
      this.ints[this.count * 2 + 1] = Number(unscaled >> 32n)
    } else {
      putFixed(unscaled, this.width, this.bytes, this.count * this.width)
      if (this.#low === null || unscaled < this.#low) this.#low = unscaled
      if (this.#high === null || unscaled > this.#high) this.#high = unscaled
    }
    return true
  }

  #invalid(rows: RunRows, i: number, value: unknown): Error {
    const [precision, scale] = [this.#precision, this.#scale]
    const digits = `at most ${precision - scale} digits before the point and ${scale} behind it`
    return invalidInRun(this.name, rows, i, `a decimal(${precision},${scale}): ${digits}`, value)
  }

  protected bound(bounds: Bounds): void {
    if (this.#type === PhysicalType.int32) boundInts(this.ints, this.count, bounds)
    else if (this.#type === PhysicalType.int64) boundLongs(this.ints, this.count, bounds)
    else {
      bounds.low = this.#low
      bounds.high = this.#high
    }
  }

  override clear(): void {
    super.clear()
    this.#low = null
    this.#high = null
  }
}
