import { SluiceError } from '#core/errors.ts'
import { checkColumnNames, FORBIDDEN } from '#delta/column-names.ts'
import type { Column, ColumnKind, Field, Fields } from '#schema/column.ts'

/** Delta's schema serialization (PROTOCOL.md, "Schema Serialization Format") to and from columns. */

export type DeltaType = string | StructType | ArrayType | MapType

export interface StructType {
  readonly type: 'struct'
  readonly fields: readonly StructField[]
}

export interface StructField {
  readonly name: string
  readonly type: DeltaType
  readonly nullable: boolean
  readonly metadata: Readonly<Record<string, unknown>>
}

export interface ArrayType {
  readonly type: 'array'
  readonly elementType: DeltaType
  readonly containsNull: boolean
}

export interface MapType {
  readonly type: 'map'
  readonly keyType: DeltaType
  readonly valueType: DeltaType
  readonly valueContainsNull: boolean
}

const field = (name: string, type: DeltaType, nullable: boolean): StructField => ({
  name,
  type,
  nullable,
  metadata: {},
})

const POINT: StructType = {
  type: 'struct',
  fields: [field('latitude', 'double', false), field('longitude', 'double', false)],
}
const HEADERS: ArrayType = {
  type: 'array',
  elementType: { type: 'struct', fields: [field('name', 'string', false), field('value', 'binary', true)] },
  containsNull: false,
}

const TYPES: Readonly<Record<ColumnKind, DeltaType>> = {
  string: 'string',
  boolean: 'boolean',
  int: 'integer',
  long: 'long',
  double: 'double',
  timestamp: 'timestamp',
  date: 'date',
  binary: 'binary',
  geo_point: POINT,
  headers: HEADERS,
}

/** Also the narrower types that other writers use and that a column of ours holds without loss. */
const KINDS: ReadonlyMap<string, ColumnKind> = new Map<string, ColumnKind>([
  ...Object.entries(TYPES).map(([kind, type]) => [typeText(type), kind as ColumnKind] as const),
  ['byte', 'int'],
  ['short', 'int'],
  ['float', 'double'],
])

/** @throws SluiceError NAME_INVALID */
export function toStruct(fields: Fields): StructType {
  checkColumnNames(
    fields.map(({ name }) => name),
    'one table',
    FORBIDDEN,
  )
  return { type: 'struct', fields: fields.map(({ name, column }) => field(name, TYPES[column.kind], column.nullable)) }
}

/** Objects in each other that a schema may have: what walks through it does so by recursion. */
const DEPTH_MAX = 1_000

/** At least as many as there are. */
function depthOf(json: string): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === 0x7b) deepest = Math.max(deepest, ++depth)
    else if (code === 0x7d) depth--
  }
  return deepest
}

/** @throws SluiceError DELTA_LOG_CORRUPT when the text is no schema */
export function parseSchema(schemaString: string): StructType {
  let schema: unknown
  try {
    schema = JSON.parse(schemaString)
  } catch (cause) {
    throw badSchema('text that is not JSON', cause)
  }
  if (depthOf(schemaString) > DEPTH_MAX) throw badSchema(`objects more than ${DEPTH_MAX} deep in each other`, undefined)
  if (!isStruct(schema)) throw badSchema('JSON of another shape', undefined)
  const twice = schema.fields.find(({ name }, at) => schema.fields.findIndex((other) => other.name === name) !== at)
  if (twice !== undefined) throw badSchema(`two columns ${JSON.stringify(twice.name)}`, undefined)
  return schema
}

/** @throws SluiceError DELTA_FEATURE_UNSUPPORTED naming the column whose type we have no column for */
export function toFields(schema: StructType): Fields {
  return schema.fields.map((structField): Field => {
    const kind = KINDS.get(typeText(structField.type)) ?? looseKind(structField.type)
    if (kind === undefined) {
      throw new SluiceError(
        'DELTA_FEATURE_UNSUPPORTED',
        `Column ${JSON.stringify(structField.name)} has the Delta type ${typeText(structField.type)}, which Sluice does not read yet. Read the table with another engine, or without that column.`,
        { details: { column: structField.name, type: typeText(structField.type) } },
      )
    }
    const column: Column = { kind, nullable: structField.nullable }
    return { name: structField.name, column }
  })
}

/** One line a column that keeps rows of `wanted` from being appended to a table of `found`; none when all is well. */
export function schemaDifferences(found: StructType, wanted: StructType): readonly string[] {
  const differences: string[] = []
  const existing = new Map(found.fields.map((structField) => [structField.name, structField]))
  for (const { name, type, nullable } of wanted.fields) {
    const there = existing.get(name)
    existing.delete(name)
    if (there === undefined) differences.push(`${name}: expected ${typeText(type)}, the table has no such column`)
    else if (looseText(there.type) !== looseText(type)) {
      differences.push(`${name}: expected ${typeText(type)}, the table has ${typeText(there.type)}`)
    } else if (nullable && !there.nullable) {
      differences.push(`${name}: expected a column that may be null, the table's may not`)
    }
  }
  for (const { name, type } of existing.values())
    differences.push(`${name}: not expected, the table has it as ${typeText(type)}`)
  return differences
}

/** Like SQL's: `struct<latitude:double not null,…>`. */
export function typeText(type: DeltaType): string {
  if (typeof type === 'string') return type
  if (type.type === 'array') return `array<${typeText(type.elementType)}${type.containsNull ? '' : ' not null'}>`
  if (type.type === 'map') return `map<${typeText(type.keyType)},${typeText(type.valueType)}>`
  const fields = type.fields.map(
    ({ name, type: inner, nullable }) => `${name}:${typeText(inner)}${nullable ? '' : ' not null'}`,
  )
  return `struct<${fields.join(',')}>`
}

/** Inside of a column nullability is the business of whoever reads: engines that rewrite a schema tend to relax it. */
function looseText(type: DeltaType): string {
  return typeText(type).replaceAll(' not null', '')
}

const LOOSE_KINDS: ReadonlyMap<string, ColumnKind> = new Map([
  [looseText(POINT), 'geo_point'],
  [looseText(HEADERS), 'headers'],
])

function looseKind(type: DeltaType): ColumnKind | undefined {
  return LOOSE_KINDS.get(looseText(type))
}

function isStruct(value: unknown): value is StructType {
  if (typeof value !== 'object' || value === null || !('type' in value) || value.type !== 'struct') return false
  return 'fields' in value && Array.isArray(value.fields) && value.fields.every(isStructField)
}

function isStructField(value: unknown): value is StructField {
  if (typeof value !== 'object' || value === null) return false
  if (!('nullable' in value) || typeof value.nullable !== 'boolean') return false
  return 'name' in value && typeof value.name === 'string' && 'type' in value && isType(value.type)
}

function isType(value: unknown): value is DeltaType {
  if (typeof value === 'string') return true
  if (typeof value !== 'object' || value === null || !('type' in value)) return false
  if (value.type === 'array') return 'elementType' in value && isType(value.elementType)
  if (value.type === 'map')
    return 'keyType' in value && isType(value.keyType) && 'valueType' in value && isType(value.valueType)
  return isStruct(value)
}

function badSchema(found: string, cause: unknown): SluiceError {
  return new SluiceError(
    'DELTA_LOG_CORRUPT',
    `Expected the table's metaData action to hold a struct schema, found ${found}. Read an older version, or restore the log from a copy.`,
    { cause },
  )
}
