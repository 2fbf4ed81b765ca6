import type { SchemaTree } from 'hyparquet'
import { columnReader, halfFloat, isText, uuidText } from './read-values.ts'

/**
 * How the values of a flat column come out:
 * - flags: booleans · numbers, stored as `int32` … `double` · text and bytes: slices of the page, or a dictionary
 * - numbers and values that are made one by one from what is stored (decimals, UUIDs, nanoseconds): `convert`
 */
export interface FlatType {
  readonly form: 'flags' | NumberForm | 'text' | 'bytes' | 'convertedNumbers' | 'convertedValues'
  readonly physical: string
  /** Bytes of each value, where all have as many. */
  readonly width: number
  readonly convert: (value: number | bigint | Uint8Array) => unknown
  readonly nullable: boolean
}

export type NumberForm = 'int32' | 'uint32' | 'int64' | 'micros' | 'float' | 'double'

const WIDTHS: Readonly<Record<string, number>> = { INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 }

/** Undefined for a column that is nested or repeated. */
export function flatTypeOf(tree: SchemaTree): FlatType | undefined {
  const { element, children } = tree
  const physical = element.type
  if (children.length > 0 || physical === undefined || element.repetition_type === 'REPEATED') return undefined
  const column = columnReader(tree).convert
  const convert = (value: unknown): unknown => (column === undefined ? value : column(value))
  const base = {
    physical,
    width: physical === 'FIXED_LEN_BYTE_ARRAY' ? (element.type_length ?? 0) : (WIDTHS[physical] ?? 0),
    nullable: element.repetition_type !== 'REQUIRED',
    convert,
  }
  const { converted_type: converted, logical_type: logical } = element
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return { ...base, form: 'convertedValues' }
  switch (physical) {
    case 'BOOLEAN':
      return { ...base, form: 'flags' }
    case 'INT32':
      return { ...base, form: column === undefined ? 'int32' : 'uint32' }
    case 'INT64':
      return int64Type(base, converted, logical)
    case 'FLOAT':
      return { ...base, form: 'float' }
    case 'DOUBLE':
      return { ...base, form: 'double' }
    case 'INT96':
      return { ...base, form: 'convertedNumbers' }
    case 'BYTE_ARRAY':
      return { ...base, form: isText(element) ? 'text' : 'bytes' }
    default:
      if (logical?.type === 'UUID') {
        return { ...base, form: 'convertedValues', convert: (value) => uuidText(value as Uint8Array) }
      }
      if (logical?.type === 'FLOAT16') {
        return { ...base, form: 'convertedNumbers', convert: (value) => halfFloat(value as Uint8Array) }
      }
      return { ...base, form: isText(element) ? 'text' : 'bytes' }
  }
}

function int64Type(
  base: Omit<FlatType, 'form'>,
  converted: SchemaTree['element']['converted_type'],
  logical: SchemaTree['element']['logical_type'],
): FlatType {
  if (converted === 'TIMESTAMP_MICROS' || (logical?.type === 'TIMESTAMP' && logical.unit === 'MICROS')) {
    return { ...base, form: 'micros' }
  }
  if (logical?.type === 'TIMESTAMP' && logical.unit === 'NANOS') return { ...base, form: 'convertedNumbers' }
  const isUnsigned = converted === 'UINT_64' || (logical?.type === 'INTEGER' && !logical.isSigned)
  return { ...base, form: isUnsigned ? 'convertedValues' : 'int64' }
}
