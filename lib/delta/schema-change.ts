import type { DeltaType, StructField, StructType } from '#delta/schema-json.ts'
import { typeText } from '#delta/schema-json.ts'

/** How a table's schema may change without a data file being written again (PROTOCOL.md, "Schema Serialization Format"). */

/** One type after another: all of them are INT32 in Parquet, so that files of either fit. */
const INTEGERS = ['byte', 'short', 'integer']

export interface SchemaChange {
  readonly schema: StructType
  /** What cannot be done, a line a column. */
  readonly refused: readonly string[]
  readonly changed: boolean
}

/**
 * The table's schema with all that `wanted` has beyond it: new columns (also inside of structs, lists and maps) where `wanted` has
 * them, wider integers, columns that may be null from now on. Columns that `wanted` does not name stay.
 */
export function evolved(current: StructType, wanted: StructType): SchemaChange {
  const refused: string[] = []
  const schema = mergeStruct(current, wanted, '', refused)
  return { schema, refused, changed: JSON.stringify(schema) !== JSON.stringify(current) }
}

/** Whether every file of `before` is one of `after`: nothing but columns that may be null came, and nulls were allowed. */
export function onlyAdds(before: StructType, after: StructType): boolean {
  const later = new Map(after.fields.map((field) => [field.name, field]))
  for (const field of before.fields) {
    const now = later.get(field.name)
    later.delete(field.name)
    if (now === undefined || (field.nullable && !now.nullable) || !fits(field.type, now.type)) return false
    if (JSON.stringify(field.metadata) !== JSON.stringify(now.metadata)) return false
  }
  const isPlain = (key: string): boolean => key === 'comment' || key.startsWith('delta.columnMapping.')
  return [...later.values()].every(({ nullable, metadata }) => nullable && Object.keys(metadata ?? {}).every(isPlain))
}

const ID = 'delta.columnMapping.id'
const PHYSICAL_NAME = 'delta.columnMapping.physicalName'

export interface MappedSchema {
  readonly schema: StructType
  /** The largest id of a column, `delta.columnMapping.maxColumnId`. */
  readonly maxId: number
}

/**
 * Gives columns that have none an id and a physical name (PROTOCOL.md, "Column Mapping").
 *
 * @param maxId what the table has as `delta.columnMapping.maxColumnId`
 * @param nextName unique names
 */
export function withMapping(schema: StructType, maxId: number, nextName: () => string): MappedSchema {
  let last = maxId
  const ofType = (type: DeltaType): DeltaType => {
    if (typeof type === 'string') return type
    if (type.type === 'array') return { ...type, elementType: ofType(type.elementType) }
    if (type.type === 'map') return { ...type, keyType: ofType(type.keyType), valueType: ofType(type.valueType) }
    return { ...type, fields: type.fields.map(ofField) }
  }
  const ofField = (field: StructField): StructField => {
    const isMapped = field.metadata?.[ID] !== undefined
    const metadata = isMapped
      ? field.metadata
      : { ...field.metadata, [ID]: ++last, [PHYSICAL_NAME]: `col-${nextName()}` }
    return { ...field, metadata, type: ofType(field.type) }
  }
  const mapped = { ...schema, fields: schema.fields.map(ofField) }
  return { schema: mapped, maxId: last }
}

function fits(before: DeltaType, after: DeltaType): boolean {
  if (typeof before === 'string' || typeof after === 'string') return before === after || isWider(before, after)
  if (before.type === 'struct') return after.type === 'struct' && onlyAdds(before, after)
  if (before.type === 'array') {
    return (
      after.type === 'array' &&
      (after.containsNull || !before.containsNull) &&
      fits(before.elementType, after.elementType)
    )
  }
  return (
    after.type === 'map' &&
    (after.valueContainsNull || !before.valueContainsNull) &&
    fits(before.keyType, after.keyType) &&
    fits(before.valueType, after.valueType)
  )
}

function isWider(before: DeltaType, after: DeltaType): boolean {
  const from = INTEGERS.indexOf(before as string)
  return from >= 0 && INTEGERS.indexOf(after as string) > from
}

function mergeStruct(current: StructType, wanted: StructType, path: string, refused: string[]): StructType {
  const fields = [...current.fields]
  let place = -1
  let known = false
  for (const field of wanted.fields) {
    const at = fields.findIndex(({ name }) => name.toLowerCase() === field.name.toLowerCase())
    if (at >= 0) {
      fields[at] = mergeField(fields[at]!, field, path, refused)
      place = at
      known = true
      continue
    }
    const name = `${path}${field.name}`
    if (!field.nullable) refused.push(`${name}: a new column must be nullable, the rows that are there have no value`)
    // After the column that `wanted` has before it; at the end when it names none.
    place = known ? place + 1 : fields.length
    known = true
    fields.splice(place, 0, field)
  }
  return { type: 'struct', fields }
}

function mergeField(current: StructField, wanted: StructField, path: string, refused: string[]): StructField {
  const name = `${path}${current.name}`
  if (current.name !== wanted.name) {
    refused.push(`${name}: ${wanted.name} differs from it only in case, which SQL engines can't tell apart`)
    return current
  }
  return {
    ...current,
    type: mergeType(current.type, wanted.type, name, refused),
    nullable: current.nullable || wanted.nullable,
  }
}

function mergeType(current: DeltaType, wanted: DeltaType, path: string, refused: string[]): DeltaType {
  if (typeof current === 'object' && typeof wanted === 'object') {
    if (current.type === 'struct' && wanted.type === 'struct') return mergeStruct(current, wanted, `${path}.`, refused)
    if (current.type === 'array' && wanted.type === 'array') {
      const elementType = mergeType(current.elementType, wanted.elementType, `${path}.element`, refused)
      return { ...current, elementType, containsNull: current.containsNull || wanted.containsNull }
    }
    if (current.type === 'map' && wanted.type === 'map') {
      return {
        ...current,
        keyType: mergeType(current.keyType, wanted.keyType, `${path}.key`, refused),
        valueType: mergeType(current.valueType, wanted.valueType, `${path}.value`, refused),
        valueContainsNull: current.valueContainsNull || wanted.valueContainsNull,
      }
    }
  }
  if (current === wanted || isWider(wanted, current)) return current
  if (isWider(current, wanted)) return wanted
  const kind = isWidening(current, wanted) ? 'needs the table feature typeWidening' : 'is another type'
  refused.push(`${path}: from ${typeText(current)} to ${typeText(wanted)} ${kind}`)
  return current
}

/** PROTOCOL.md, "Type Widening": changes that readers with the feature take. */
function isWidening(current: DeltaType, wanted: DeltaType): boolean {
  if (typeof current !== 'string' || typeof wanted !== 'string') return false
  if (INTEGERS.includes(current)) return wanted === 'long' || wanted === 'double' || wanted.startsWith('decimal')
  if (current === 'long') return wanted.startsWith('decimal')
  if (current === 'float') return wanted === 'double'
  if (current === 'date') return wanted === 'timestamp_ntz'
  return current.startsWith('decimal') && wanted.startsWith('decimal')
}
