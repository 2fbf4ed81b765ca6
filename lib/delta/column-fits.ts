import type { DeltaType } from '#delta/schema-json.ts'

/** Whether the first `count` values of a column have the form that `RowCheck` gives them already; null fits where it may be. */
export type Fits = (values: readonly unknown[], count: number) => boolean

const never: Fits = () => false

/**
 * A loop for each type, so that the engine knows what it looks at. What is no such value, or may become one, is left to the conversion
 * of `RowCheck`; decimals, lists, maps and structs always are.
 *
 * @param exact text is known to be well-formed, and floats to have 32 bits; else both are left to the encoder, which has to look anyway
 */
export function fitsOf(type: DeltaType, nullable: boolean, exact: boolean): Fits {
  switch (type) {
    case 'string':
      return exact ? every(nullable, isWellFormed) : texts(nullable)
    case 'boolean':
      return flags(nullable)
    case 'byte':
      return wholes(nullable, -128, 127)
    case 'short':
      return wholes(nullable, -32768, 32767)
    case 'integer':
    case 'date':
      return wholes(nullable, -2147483648, 2147483647)
    case 'long':
      return longs(nullable)
    case 'float':
      return exact ? every(nullable, isSingle) : floats(nullable)
    case 'double':
      return numbers(nullable)
    case 'timestamp':
    case 'timestamp_ntz':
      return instants(nullable)
    case 'binary':
      return every(nullable, isBytes)
    default:
      return never
  }
}

const texts =
  (nullable: boolean): Fits =>
  (values, count) => {
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'string' && !(value === null && nullable)) return false
    }
    return true
  }

const flags =
  (nullable: boolean): Fits =>
  (values, count) => {
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'boolean' && !(value === null && nullable)) return false
    }
    return true
  }

const wholes =
  (nullable: boolean, min: number, max: number): Fits =>
  (values, count) => {
    for (let i = 0; i < count; i++) {
      const value = values[i]
      const fits = typeof value === 'number' ? (value | 0) === value && value >= min && value <= max : false
      if (!fits && !(value === null && nullable)) return false
    }
    return true
  }

const longs =
  (nullable: boolean): Fits =>
  (values, count) => {
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value === 'number' ? !Number.isSafeInteger(value) : !(value === null && nullable)) return false
    }
    return true
  }

/** Largest number that is rounded to a finite one of 32 bits. */
const FLOAT_MAX = 3.4028235677973362e38

const floats =
  (nullable: boolean): Fits =>
  (values, count) => {
    for (let i = 0; i < count; i++) {
      const value = values[i]
      const fits = typeof value === 'number' ? !(Math.abs(value) > FLOAT_MAX) : value === null && nullable
      if (!fits) return false
    }
    return true
  }

const numbers =
  (nullable: boolean): Fits =>
  (values, count) => {
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'number' && !(value === null && nullable)) return false
    }
    return true
  }

/** Epoch milliseconds that a Date may have. */
const INSTANT_MAX = 8.64e15

const instants =
  (nullable: boolean): Fits =>
  (values, count) => {
    for (let i = 0; i < count; i++) {
      const value = values[i]
      const fits = typeof value === 'number' ? Math.abs(value) <= INSTANT_MAX : value === null && nullable
      if (!fits) return false
    }
    return true
  }

const every =
  (nullable: boolean, is: (value: unknown) => boolean): Fits =>
  (values, count) => {
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (!is(value) && !(value === null && nullable)) return false
    }
    return true
  }

const isWellFormed = (value: unknown): boolean => typeof value === 'string' && value.isWellFormed()
const isSingle = (value: unknown): boolean => typeof value === 'number' && Object.is(Math.fround(value), value)
const isBytes = (value: unknown): boolean => value instanceof Uint8Array
