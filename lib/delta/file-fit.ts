import { decimalType } from '#delta/scalar.ts'
import type { DeltaType } from '#delta/schema-json.ts'
import type { ParquetTree } from '#parquet/reader.ts'

type Element = ParquetTree['element']

/**
 * What a column of a data file is, where no value of the table's type can be made of it: a file that is not the one that was
 * committed, or a schema that was changed without its files. Undefined where all is well, also after widening (PROTOCOL.md, "Type
 * Widening") and for types that the table may have but nobody stores.
 */
export function misfit({ element, children }: ParquetTree, type: DeltaType): string | undefined {
  if (typeof type === 'object') {
    const fits = children.length > 0 || (type.type === 'array' && element.repetition_type === 'REPEATED')
    return fits ? undefined : leafText(element)
  }
  if (children.length > 0) return 'a group of columns'
  return fitsLeaf(element, type) ? undefined : leafText(element)
}

function fitsLeaf(element: Element, type: string): boolean {
  const { type: physical } = element
  switch (type) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return isInteger(element)
    case 'float':
    case 'double':
      return (
        physical === 'FLOAT' || physical === 'DOUBLE' || isInteger(element) || isDecimal(element) || isHalf(element)
      )
    case 'boolean':
      return physical === 'BOOLEAN'
    case 'string':
    case 'binary':
      return isBytes(element) && !isDecimal(element)
    case 'date':
      return physical === 'INT32' && (isDate(element) || isInteger(element))
    case 'timestamp':
    case 'timestamp_ntz':
      return isInstant(element) || isDate(element)
    default:
      return decimalType(type) === undefined || isDecimal(element) || isInteger(element)
  }
}

function isInteger({ type, converted_type: converted, logical_type: logical }: Element): boolean {
  if (type !== 'INT32' && type !== 'INT64') return false
  const plain = logical === undefined || logical.type === 'INTEGER'
  return plain && (converted === undefined || /^U?INT_/.test(converted))
}

function isDecimal({ converted_type: converted, logical_type: logical }: Element): boolean {
  return converted === 'DECIMAL' || logical?.type === 'DECIMAL'
}

function isDate({ converted_type: converted, logical_type: logical }: Element): boolean {
  return converted === 'DATE' || logical?.type === 'DATE'
}

function isHalf({ logical_type: logical }: Element): boolean {
  return logical?.type === 'FLOAT16'
}

function isBytes({ type }: Element): boolean {
  return type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY'
}

/** A count of something: without its unit nobody knows which instant it is. */
function isInstant({ type, converted_type: converted, logical_type: logical }: Element): boolean {
  if (type === 'INT96') return true
  return type === 'INT64' && (converted?.startsWith('TIMESTAMP_') === true || logical?.type === 'TIMESTAMP')
}

function leafText({ type, converted_type: converted, logical_type: logical }: Element): string {
  const meaning = logical?.type ?? converted
  return meaning === undefined ? `${type}` : `${type} (${meaning})`
}
