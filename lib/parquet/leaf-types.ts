import type { SchemaTree } from 'hyparquet'
import { halfFloat, isText, leafConvert, uuidText } from './read-values.ts'

/**
 * How the values of a leaf come out:
 * - flags: booleans · numbers, stored as `int32` … `double` · text and bytes: slices of the page, or a dictionary
 * - numbers and values that are made one by one from what is stored (decimals, UUIDs, nanoseconds): `convert`
 */
export interface LeafType {
  readonly form: 'flags' | NumberForm | 'text' | 'bytes' | 'convertedNumbers' | 'convertedValues'
  readonly physical: string
  /** Bytes of each value, where all have as many. */
  readonly width: number
  readonly convert: (value: number | bigint | Uint8Array) => unknown
  /** The levels at which an entry has a value, and of its innermost list. */
  readonly definitionMax: number
  readonly repetitionMax: number
}

export type NumberForm = 'int32' | 'uint32' | 'int64' | 'micros' | 'float' | 'double'

const WIDTHS: Readonly<Record<string, number>> = { INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 }

/** Undefined for a column that is nested or repeated. */
export function flatTypeOf(tree: SchemaTree): LeafType | undefined {
  const { repetition_type: repetition } = tree.element
  if (tree.children.length > 0 || repetition === 'REPEATED') return undefined
  return leafTypeOf(tree, repetition === 'REQUIRED' ? 0 : 1, 0)
}

/** @throws RangeError for a leaf without a physical type */
export function leafTypeOf({ element }: SchemaTree, definitionMax: number, repetitionMax: number): LeafType {
  const physical = element.type
  if (physical === undefined) throw new RangeError(`column "${element.name}" has no type`)
  const column = leafConvert(element)
  const convert = (value: unknown): unknown => (column === undefined ? value : column(value))
  const base = {
    physical,
    width: physical === 'FIXED_LEN_BYTE_ARRAY' ? (element.type_length ?? 0) : (WIDTHS[physical] ?? 0),
    definitionMax,
    repetitionMax,
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
  base: Omit<LeafType, 'form'>,
  converted: SchemaTree['element']['converted_type'],
  logical: SchemaTree['element']['logical_type'],
): LeafType {
  if (converted === 'TIMESTAMP_MICROS' || (logical?.type === 'TIMESTAMP' && logical.unit === 'MICROS')) {
    return { ...base, form: 'micros' }
  }
  if (logical?.type === 'TIMESTAMP' && logical.unit === 'NANOS') return { ...base, form: 'convertedNumbers' }
  const isUnsigned = converted === 'UINT_64' || (logical?.type === 'INTEGER' && !logical.isSigned)
  return { ...base, form: isUnsigned ? 'convertedValues' : 'int64' }
}
