import { SluiceError } from '#core/errors.ts'
import { checkColumnNames, FORBIDDEN } from '#delta/column-names.ts'
import { type DeltaType, type StructType, typeText } from '#delta/schema-json.ts'

/** What a new schema may hold. */

const PRIMITIVES = new Set(
  'string boolean byte short integer long float double date timestamp timestamp_ntz binary'.split(' '),
)
/** Structs, lists and maps in each other. */
const DEPTH_MAX = 32
/** With column mapping files have other names: every text is one. */
const UNMAPPABLE = /^$/

/**
 * @param options mapped: for a table whose columns are mapped
 * @throws SluiceError NAME_INVALID for names that no engine could tell apart, or that a data file can't hold; DELTA_SCHEMA_MISMATCH
 * for no columns at all, DELTA_FEATURE_UNSUPPORTED for other types than those of Delta and for a nesting deeper than 32
 */
export function checkStruct(schema: StructType, options: { readonly mapped?: boolean } = {}): void {
  checkFields(schema, '', 1, options.mapped === true ? UNMAPPABLE : FORBIDDEN)
}

/** Whether any column, nested or not, is of the type. */
export function usesType(type: DeltaType, wanted: string): boolean {
  if (typeof type === 'string') return type === wanted
  if (type.type === 'array') return usesType(type.elementType, wanted)
  if (type.type === 'map') return usesType(type.keyType, wanted) || usesType(type.valueType, wanted)
  return type.fields.some((field) => usesType(field.type, wanted))
}

function checkFields(struct: StructType, path: string, depth: number, forbidden: RegExp): void {
  const where = path === '' ? 'a table' : `column ${path}`
  if (struct.fields.length === 0) {
    throw new SluiceError(
      'DELTA_SCHEMA_MISMATCH',
      `Expected ${where} to have at least one column, found none. Add one.`,
    )
  }
  const names = struct.fields.map(({ name }) => name)
  checkColumnNames(names, where, forbidden)
  for (const { name, type } of struct.fields) {
    checkType(type, path === '' ? name : `${path}.${name}`, depth, forbidden)
  }
}

function checkType(type: DeltaType, path: string, depth: number, forbidden: RegExp): void {
  if (depth > DEPTH_MAX) {
    throw refused(path, `structs, lists and maps in each other ${DEPTH_MAX} deep at most, found more`)
  }
  if (typeof type === 'string') {
    if (!PRIMITIVES.has(type) && !isDecimal(type)) throw refused(path, `one of Delta's types, found ${typeText(type)}`)
  } else if (type.type === 'struct') checkFields(type, path, depth + 1, forbidden)
  else if (type.type === 'array') checkType(type.elementType, `${path}.element`, depth + 1, forbidden)
  else {
    checkType(type.keyType, `${path}.key`, depth + 1, forbidden)
    checkType(type.valueType, `${path}.value`, depth + 1, forbidden)
  }
}

function isDecimal(type: string): boolean {
  const match = /^decimal\((\d+),(\d+)\)$/.exec(type)
  if (match === null) return false
  const [precision, scale] = [Number(match[1]), Number(match[2])]
  return precision >= 1 && precision <= 38 && scale <= precision
}

function refused(path: string, expected: string): SluiceError {
  const short = path.length > 80 ? `${path.slice(0, 80)}…` : path
  return new SluiceError(
    'DELTA_FEATURE_UNSUPPORTED',
    `Expected column ${short} to be ${expected}. Declare the column otherwise.`,
    { details: { column: path } },
  )
}
