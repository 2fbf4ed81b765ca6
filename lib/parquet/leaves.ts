import type { ColumnKind, Field, Fields } from '#schema/column.ts'
import {
  ConvertedType,
  LogicalType,
  PhysicalType,
  type PhysicalTypeCode,
  Repetition,
  type RepetitionCode,
} from './format.ts'

/** One element of the schema in the footer. Groups have `children`, leaves a physical type. */
export interface SchemaElement {
  readonly name: string
  readonly repetition: RepetitionCode
  readonly type?: PhysicalTypeCode
  /** Bytes of each value of a fixed length. */
  readonly typeLength?: number
  readonly children?: number
  readonly converted?: number
  /** Field number of the logical type; the four below are its parts. */
  readonly logical?: number
  readonly precision?: number
  readonly scale?: number
  /** Of an integer that is narrower than its physical type. */
  readonly bits?: number
  /** False for a timestamp without time zone. */
  readonly utc?: boolean
  readonly fieldId?: number
}

/** What the values of a leaf are: the kinds of a column, and the types that only tables of rows have. */
export type LeafKind = ColumnKind | 'byte' | 'short' | 'float' | 'timestamp_ntz' | 'decimal'

/** Which part of its field a leaf holds: the value itself, or one side of a point or a header. */
export type LeafPart = 'value' | 'latitude' | 'longitude' | 'headerName' | 'headerValue'

/** One physical column of the file. */
export interface Leaf {
  readonly path: readonly string[]
  /** Position of the field in the batch. */
  readonly field: number
  readonly part: LeafPart
  /** The kind of the column, `double` for the parts of a point. */
  readonly kind: LeafKind
  readonly type: PhysicalTypeCode
  /** Only for decimals. */
  readonly scale?: number
  /** Only for values of a fixed length: their bytes. */
  readonly width?: number
  readonly definitionMax: number
  readonly repetitionMax: number
}

export interface FileLayout {
  /** Depth first, without the root. */
  readonly elements: readonly SchemaElement[]
  readonly leaves: readonly Leaf[]
  /** Number of top-level elements. */
  readonly roots: number
}

/** How fields lie in a file: schema elements and physical columns, in the order of the fields. */
export function layoutOf(fields: Fields): FileLayout {
  const elements: SchemaElement[] = []
  const leaves: Leaf[] = []
  fields.forEach((field, index) => {
    if (field.column.kind === 'geo_point') layPoint(field, index, elements, leaves)
    else if (field.column.kind === 'headers') layHeaders(field, index, elements, leaves)
    else layPlain(field, index, elements, leaves)
  })
  return { elements, leaves, roots: fields.length }
}

interface LeafType {
  readonly type: PhysicalTypeCode
  readonly converted?: number
  readonly logical?: number
}

/** Both annotations where there are two: readers older than the logical ones (Hive, Athena 2) know only the converted ones. */
const LEAF_TYPES: Readonly<Record<Exclude<ColumnKind, 'geo_point' | 'headers'>, LeafType>> = {
  string: { type: PhysicalType.byteArray, converted: ConvertedType.utf8, logical: LogicalType.string },
  boolean: { type: PhysicalType.boolean },
  int: { type: PhysicalType.int32 },
  long: { type: PhysicalType.int64 },
  double: { type: PhysicalType.double },
  timestamp: { type: PhysicalType.int64, converted: ConvertedType.timestampMicros, logical: LogicalType.timestamp },
  date: { type: PhysicalType.int32, converted: ConvertedType.date, logical: LogicalType.date },
  binary: { type: PhysicalType.byteArray },
}

function layPlain(field: Field, index: number, elements: SchemaElement[], leaves: Leaf[]): void {
  const { kind, nullable } = field.column
  const leafType = LEAF_TYPES[kind as keyof typeof LEAF_TYPES]
  elements.push({ name: field.name, repetition: repetitionOf(nullable), ...leafType })
  leaves.push({
    path: [field.name],
    field: index,
    part: 'value',
    kind,
    type: leafType.type,
    definitionMax: nullable ? 1 : 0,
    repetitionMax: 0,
  })
}

function layPoint(field: Field, index: number, elements: SchemaElement[], leaves: Leaf[]): void {
  const { nullable } = field.column
  elements.push({ name: field.name, repetition: repetitionOf(nullable), children: 2 })
  for (const part of ['latitude', 'longitude'] as const) {
    elements.push({ name: part, repetition: Repetition.required, type: PhysicalType.double })
    leaves.push({
      path: [field.name, part],
      field: index,
      part,
      kind: 'double',
      type: PhysicalType.double,
      definitionMax: nullable ? 1 : 0,
      repetitionMax: 0,
    })
  }
}

/** The standard three levels (LogicalTypes.md, "Lists"): `list.element` with a required struct of name and value. */
function layHeaders(field: Field, index: number, elements: SchemaElement[], leaves: Leaf[]): void {
  const { nullable } = field.column
  const list = { converted: ConvertedType.list, logical: LogicalType.list }
  const text = LEAF_TYPES.string
  elements.push(
    { name: field.name, repetition: repetitionOf(nullable), children: 1, ...list },
    { name: 'list', repetition: Repetition.repeated, children: 1 },
    { name: 'element', repetition: Repetition.required, children: 2 },
    { name: 'name', repetition: Repetition.required, ...text },
    { name: 'value', repetition: Repetition.optional, type: PhysicalType.byteArray },
  )
  const definition = nullable ? 2 : 1
  const leaf = { field: index, type: PhysicalType.byteArray, repetitionMax: 1 } as const
  const path = [field.name, 'list', 'element']
  leaves.push(
    { ...leaf, path: [...path, 'name'], part: 'headerName', kind: 'string', definitionMax: definition },
    { ...leaf, path: [...path, 'value'], part: 'headerValue', kind: 'binary', definitionMax: definition + 1 },
  )
}

function repetitionOf(nullable: boolean): RepetitionCode {
  return nullable ? Repetition.optional : Repetition.required
}
