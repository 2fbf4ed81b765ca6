import type { SchemaElement, SchemaTree } from 'hyparquet'
import { decimalText } from './decimal.ts'

/** Turns a value of the physical type into the one that Sluice hands out. Never called with null. */
type Convert = (value: unknown) => unknown

export function isText({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  if (converted === 'UTF8' || converted === 'JSON' || converted === 'ENUM') return true
  return logical?.type === 'STRING' || logical?.type === 'JSON' || logical?.type === 'ENUM'
}

export function isList({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return converted === 'LIST' || logical?.type === 'LIST'
}

export function isMap({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return converted === 'MAP' || converted === 'MAP_KEY_VALUE' || logical?.type === 'MAP'
}

/**
 * The element of a node that is annotated as a list. The repeated node in it is a level of its own (`list`, `bag`), or the element
 * itself: a leaf, a group of several fields, one that is a list or a map, or that goes by a name which old writers gave elements.
 */
export function listElement({ element, children }: SchemaTree): SchemaTree | undefined {
  const child = children[0]
  const inner = child?.children[0]
  if (child === undefined || inner === undefined || child.element.repetition_type !== 'REPEATED') return child
  const { name } = child.element
  const isElement = child.children.length > 1 || isList(child.element) || isMap(child.element)
  return isElement || name === 'array' || name === `${element.name}_tuple` ? child : inner
}

/** Undefined when values are handed out as they are stored. */
export function leafConvert(element: SchemaElement): Convert | undefined {
  const { type, converted_type: converted, logical_type: logical } = element
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') {
    const scale = element.scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0)
    return (value) => decimalText(unscaled(value as number | bigint | Uint8Array), scale)
  }
  if (type === 'INT96') return (value) => nanosToMillis(value as bigint)
  if (type === 'INT32') return isUnsigned(element) ? (value) => (value as number) >>> 0 : undefined
  if (type !== 'INT64') return undefined
  if (logical?.type === 'TIMESTAMP' && logical.unit === 'NANOS') return (value) => nanosToMillis(value as bigint)
  if (converted === 'TIMESTAMP_MICROS' || (logical?.type === 'TIMESTAMP' && logical.unit === 'MICROS')) {
    return (value) => microsToMillis(value as bigint)
  }
  if (isUnsigned(element)) return (value) => safeNumber(BigInt.asUintN(64, value as bigint))
  return (value) => safeNumber(value as bigint)
}

function isUnsigned({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return converted?.startsWith('UINT_') === true || (logical?.type === 'INTEGER' && !logical.isSigned)
}

/** A number when that is exact, otherwise the bigint. */
function safeNumber(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

export function microsToMillis(micros: bigint): number {
  const number = Number(micros)
  if (Number.isSafeInteger(number)) return number / 1000
  return Number(micros / 1000n) + Number(micros % 1000n) / 1000
}

/** Nanoseconds have no place in a double beside today's date: what is below a microsecond may be rounded. */
function nanosToMillis(nanos: bigint): number {
  return Number(nanos / 1_000_000n) + Number(nanos % 1_000_000n) / 1e6
}

function unscaled(value: number | bigint | Uint8Array): bigint {
  if (!(value instanceof Uint8Array)) return BigInt(value)
  let unsigned = 0n
  for (const byte of value) unsigned = (unsigned << 8n) | BigInt(byte)
  return BigInt.asIntN(value.length * 8, unsigned)
}

/** 16 bytes as `00112233-4455-6677-8899-aabbccddeeff`. */
export function uuidText(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** IEEE 754 binary16, the low byte first. */
export function halfFloat(bytes: Uint8Array): number {
  const bits = bytes[0]! | (bytes[1]! << 8)
  const sign = bits >>> 15 === 0 ? 1 : -1
  const exponent = (bits >>> 10) & 31
  const fraction = (bits & 1023) / 1024
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * 2 ** -14 * fraction : sign * 2 ** (exponent - 15) * (1 + fraction)
}
