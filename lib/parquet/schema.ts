import { SluiceError } from '#core/errors.ts'
import { decimalWidth, PRECISION_MAX } from './decimal.ts'
import { ConvertedType, LogicalType, PhysicalType, Repetition, type RepetitionCode } from './format.ts'
import type { FileLayout, Leaf, LeafKind, SchemaElement } from './leaves.ts'

/**
 * Types of columns of rows, and the JavaScript values that they hold (those that `readParquetRows` gives):
 * - boolean; byte, short, int (whole numbers of 8, 16, 32 bits); long (safe integers, or bigint)
 * - float (rounded to 32 bits), double; string (well-formed); binary (Uint8Array)
 * - date: days since 1970-01-01; timestamp, timestamp_ntz: epoch milliseconds with a fraction for microseconds, or a bigint of
 *   microseconds
 * - decimal: exact text such as '-0.50', or a number or bigint whose decimal form is exact
 * - list: arrays; map: a Map, or a plain object where keys are strings; struct: an object
 */
export type ParquetType =
  | 'boolean'
  | 'byte'
  | 'short'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'string'
  | 'binary'
  | 'date'
  | 'timestamp'
  | 'timestamp_ntz'
  | ParquetDecimal
  | { readonly kind: 'list'; readonly element: ParquetItem }
  | { readonly kind: 'map'; readonly key: ParquetItem; readonly value: ParquetItem }
  | { readonly kind: 'struct'; readonly fields: readonly ParquetColumn[] }

export interface ParquetDecimal {
  readonly kind: 'decimal'
  /** Digits in all, 1 to 38, and behind the point, 0 to `precision`. */
  readonly precision: number
  readonly scale: number
}

/** What a list or a map holds. */
export interface ParquetItem {
  readonly type: ParquetType
  readonly nullable: boolean
  /** By which tables with column mapping find it. */
  readonly fieldId?: number
}

export interface ParquetColumn extends ParquetItem {
  readonly name: string
}

/** Structs, lists and maps in each other: what readers of other engines take without a deeper stack. */
const DEPTH_MAX = 64

/**
 * How columns lie in a file: schema elements and physical columns, depth first.
 *
 * @throws SluiceError PARQUET_VALUE_INVALID for a schema that Parquet can't hold
 */
export function layoutOfColumns(columns: readonly ParquetColumn[]): FileLayout {
  const elements: SchemaElement[] = []
  const leaves: Leaf[] = []
  checkNames(columns, 'the file')
  columns.forEach((column, field) => {
    layItem(column, { name: column.name, path: [], field, definition: 0, repetition: 0, depth: 1 }, elements, leaves)
  })
  return { elements, leaves, roots: columns.length }
}

interface Place {
  readonly name: string
  /** Names above this one. */
  readonly path: readonly string[]
  readonly field: number
  /** Levels of what is above. */
  readonly definition: number
  readonly repetition: number
  readonly depth: number
}

function layItem(item: ParquetItem, place: Place, elements: SchemaElement[], leaves: Leaf[]): void {
  const { type, nullable, fieldId } = item
  const path = [...place.path, place.name]
  if (place.depth > DEPTH_MAX) {
    throw invalidSchema(path, `at most ${DEPTH_MAX} structs, lists and maps in each other`, 'more')
  }
  const definition = place.definition + (nullable ? 1 : 0)
  const element = {
    name: place.name,
    repetition: (nullable ? Repetition.optional : Repetition.required) as RepetitionCode,
    ...(fieldId === undefined ? {} : { fieldId }),
  }
  const below = { path, field: place.field, repetition: place.repetition, definition, depth: place.depth + 1 }
  if (typeof type === 'string' || type.kind === 'decimal') {
    const { kind, ...leaf } = leafType(type, path)
    elements.push({ ...element, ...leaf })
    leaves.push({
      path,
      field: place.field,
      part: 'value',
      kind,
      type: leaf.type!,
      definitionMax: definition,
      repetitionMax: place.repetition,
      ...(kind === 'decimal' ? { scale: leaf.scale! } : {}),
      ...(leaf.typeLength === undefined ? {} : { width: leaf.typeLength }),
    })
  } else if (type.kind === 'struct') {
    checkNames(type.fields, path.join('.'))
    elements.push({ ...element, children: type.fields.length })
    for (const field of type.fields) layItem(field, { ...below, name: field.name }, elements, leaves)
  } else {
    const isList = type.kind === 'list'
    const annotation = isList
      ? { converted: ConvertedType.list, logical: LogicalType.list }
      : { converted: ConvertedType.map, logical: LogicalType.map }
    // The standard three levels (LogicalTypes.md, "Lists" and "Maps").
    const group = isList ? 'list' : 'key_value'
    elements.push(
      { ...element, children: 1, ...annotation },
      { name: group, repetition: Repetition.repeated, children: isList ? 1 : 2 },
    )
    const inner = {
      ...below,
      path: [...path, group],
      definition: definition + 1,
      repetition: place.repetition + 1,
    }
    if (isList) {
      layItem(type.element, { ...inner, name: 'element' }, elements, leaves)
    } else {
      if (type.key.nullable) throw invalidSchema(path, 'keys that are not nullable', 'nullable ones')
      layItem(type.key, { ...inner, name: 'key' }, elements, leaves)
      layItem(type.value, { ...inner, name: 'value' }, elements, leaves)
    }
  }
}

type LeafElement = Omit<SchemaElement, 'name' | 'repetition'> & { readonly kind: LeafKind }

const int32 = { type: PhysicalType.int32 }
const int64 = { type: PhysicalType.int64 }

/** Both annotations where there are two, for older readers; a timestamp without time zone has only the logical one. */
const LEAF_TYPES: Readonly<Record<string, LeafElement>> = {
  boolean: { kind: 'boolean', type: PhysicalType.boolean },
  byte: { kind: 'byte', ...int32, converted: ConvertedType.int8, logical: LogicalType.integer, bits: 8 },
  short: { kind: 'short', ...int32, converted: ConvertedType.int16, logical: LogicalType.integer, bits: 16 },
  int: { kind: 'int', ...int32 },
  long: { kind: 'long', ...int64 },
  float: { kind: 'float', type: PhysicalType.float },
  double: { kind: 'double', type: PhysicalType.double },
  string: {
    kind: 'string',
    type: PhysicalType.byteArray,
    converted: ConvertedType.utf8,
    logical: LogicalType.string,
  },
  binary: { kind: 'binary', type: PhysicalType.byteArray },
  date: { kind: 'date', ...int32, converted: ConvertedType.date, logical: LogicalType.date },
  timestamp: {
    kind: 'timestamp',
    ...int64,
    converted: ConvertedType.timestampMicros,
    logical: LogicalType.timestamp,
    utc: true,
  },
  timestamp_ntz: { kind: 'timestamp_ntz', ...int64, logical: LogicalType.timestamp, utc: false },
}

function leafType(type: string | ParquetDecimal, path: readonly string[]): LeafElement {
  if (typeof type === 'string') {
    const known = LEAF_TYPES[type]
    if (known === undefined) throw invalidSchema(path, 'a type that Parquet has', type)
    return known
  }
  const { precision, scale } = type
  if (!isWhole(precision, 1, PRECISION_MAX) || !isWhole(scale, 0, precision)) {
    throw invalidSchema(path, `a precision of 1 to ${PRECISION_MAX} and a scale up to it`, `${precision} and ${scale}`)
  }
  const annotation = { kind: 'decimal', converted: ConvertedType.decimal, logical: LogicalType.decimal } as const
  if (precision <= 9) return { ...annotation, ...int32, precision, scale }
  if (precision <= 18) return { ...annotation, ...int64, precision, scale }
  return { ...annotation, type: PhysicalType.fixed, typeLength: decimalWidth(precision), precision, scale }
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max
}

function checkNames(columns: readonly ParquetColumn[], where: string): void {
  if (columns.length === 0) throw invalidSchema([where], 'at least one column', 'none')
  const seen = new Set<string>()
  for (const { name } of columns) {
    if (name === '' || seen.has(name) || !name.isWellFormed()) {
      throw invalidSchema(
        [where],
        'names of columns that are Unicode text, not empty, and differ',
        JSON.stringify(name),
      )
    }
    seen.add(name)
  }
}

function invalidSchema(path: readonly string[], expected: string, found: string): SluiceError {
  return new SluiceError(
    'PARQUET_VALUE_INVALID',
    `Columns of ${path.slice(0, 4).join('.')}: expected ${expected}, found ${found}. Declare the columns otherwise.`,
    { details: { path: path.join('.') } },
  )
}
