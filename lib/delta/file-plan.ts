import { SluiceError } from '#core/errors.ts'
import { scaledDecimal } from '#delta/decimal-text.ts'
import { misfit } from '#delta/file-fit.ts'
import { fieldId, physicalName, type TableLayout } from '#delta/layout.ts'
import { decimalType } from '#delta/scalar.ts'
import {
  type ArrayType,
  type DeltaType,
  type MapType,
  type StructField,
  type StructType,
  typeText,
} from '#delta/schema-json.ts'
import { listElement } from '#parquet/read-values.ts'
import type { ParquetTree } from '#parquet/reader.ts'

/** Turns a value that is not null, as the file has it, into the one of the table. */
export type Cast = (value: unknown) => unknown

/** A column of the table in one data file. */
export interface PlannedColumn {
  /** Logical: as rows have it. */
  readonly name: string
  /** The file's name of it; undefined when the file lacks it, and it is null in every row. */
  readonly stored: string | undefined
  /** Undefined when values are right as they are. */
  readonly cast: Cast | undefined
}

/**
 * Where columns of the table lie in a file and what is to be done to their values: columns that were mapped, widened, added inside of
 * structs, or dropped.
 *
 * @param file its path: for messages
 * @throws SluiceError DELTA_FEATURE_UNSUPPORTED for a column of a type that is not read; DELTA_FILE_DAMAGED for a file that has
 * columns of other types, or lacks one that may not be null
 */
export function planColumns(
  schema: ParquetTree,
  fields: readonly StructField[],
  layout: TableLayout,
  file: string,
): readonly PlannedColumn[] {
  const find = finder(schema, layout)
  return fields.map((field) => {
    checkType(field.type, field.name)
    const node = find(schema, field)
    if (node === undefined && !field.nullable) throw otherFile(file, field, 'no such column, though none may be null')
    const plan: Plan = {
      find,
      check: (part, type) => {
        const found = misfit(part, type)
        if (found !== undefined)
          throw otherFile(file, field, found + (type === field.type ? '' : ` for ${brief(type)}`))
      },
    }
    return {
      name: field.name,
      stored: node?.element.name,
      cast: node === undefined ? undefined : castOf(node, field.type, plan),
    }
  })
}

function brief(type: DeltaType): string {
  const text = typeText(type)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

function otherFile(file: string, { name, type }: StructField, found: string): SluiceError {
  return new SluiceError(
    'DELTA_FILE_DAMAGED',
    `Expected column ${JSON.stringify(name)} of the data file ${file} to be ${brief(type)}, found ${found}: the file was overwritten, or the table's schema changed without its files. Restore what was changed from a copy.`,
    { details: { path: file, column: name } },
  )
}

/** Where a column, or a field inside of structs, lies in a file; undefined when the file lacks it. */
export function storedLeaf(
  schema: ParquetTree,
  path: readonly string[],
  layout: TableLayout,
): { readonly path: readonly string[]; readonly element: ParquetTree['element'] } | undefined {
  const find = finder(schema, layout)
  let node = schema
  let type: DeltaType = layout.schema
  const stored: string[] = []
  for (const name of path) {
    const field: StructField | undefined =
      typeof type === 'object' && type.type === 'struct' ? type.fields.find((part) => part.name === name) : undefined
    const child = field && find(node, field)
    if (field === undefined || child === undefined) return undefined
    stored.push(child.element.name)
    node = child
    type = field.type
  }
  return { path: stored, element: node.element }
}

type Find = (parent: ParquetTree, field: StructField) => ParquetTree | undefined

interface Plan {
  readonly find: Find
  /** @throws SluiceError DELTA_FILE_DAMAGED */
  readonly check: (node: ParquetTree, type: DeltaType) => void
}

function finder(schema: ParquetTree, layout: TableLayout): Find {
  // Files of a table that got its mapping later have no ids: their names are the physical ones.
  if (layout.mapping === 'id' && hasIds(schema)) {
    return ({ children }, field) => {
      const id = fieldId(field)
      // What is no column of the table, such as a change feed's, has no id.
      return children.find(({ element }) => (id === undefined ? element.name === field.name : element.field_id === id))
    }
  }
  return ({ children }, field) => {
    const name = physicalName(layout, field)
    const exact = children.find(({ element }) => element.name === name)
    if (exact !== undefined || layout.mapping !== 'none') return exact
    // Delta's names are the same whatever their case, and some writers rely on it.
    const lower = name.toLowerCase()
    return children.find(({ element }) => element.name.toLowerCase() === lower)
  }
}

function hasIds({ children }: ParquetTree): boolean {
  return children.some((child) => child.element.field_id !== undefined || hasIds(child))
}

function castOf(node: ParquetTree, type: DeltaType, plan: Plan): Cast | undefined {
  plan.check(node, type)
  if (typeof type === 'string') return leafCast(node.element, type)
  if (type.type === 'array') return arrayCast(node, type, plan)
  if (type.type === 'map') return mapCast(node, type, plan)
  return structCast(node, type, plan)
}

function structCast(node: ParquetTree, type: StructType, plan: Plan): Cast | undefined {
  const parts = type.fields.map((field) => {
    const child = plan.find(node, field)
    return { name: field.name, stored: child?.element.name, cast: child && castOf(child, field.type, plan) }
  })
  const same =
    parts.length === node.children.length &&
    parts.every(
      ({ name, stored, cast }, at) => cast === undefined && stored === name && node.children[at]!.element.name === name,
    )
  if (same) return undefined
  return (value) => {
    const stored = value as Record<string, unknown>
    const struct: Record<string, unknown> = {}
    for (const part of parts) {
      const inner = part.stored === undefined ? null : (stored[part.stored] ?? null)
      struct[part.name] = inner === null || part.cast === undefined ? inner : part.cast(inner)
    }
    return struct
  }
}

function arrayCast(node: ParquetTree, type: ArrayType, plan: Plan): Cast | undefined {
  const element = listElement(node)
  const cast = element && castOf(element, type.elementType, plan)
  if (cast === undefined) return undefined
  return (value) => (value as readonly unknown[]).map((item) => (item === null ? null : cast(item)))
}

function mapCast(node: ParquetTree, type: MapType, plan: Plan): Cast | undefined {
  const [key, value] = node.children[0]?.children ?? []
  const keyCast = key && castOf(key, type.keyType, plan)
  const valueCast = value && castOf(value, type.valueType, plan)
  if (keyCast === undefined && valueCast === undefined) return undefined
  const apply = (cast: Cast | undefined, item: unknown): unknown =>
    item === null || cast === undefined ? item : cast(item)
  return (map) =>
    new Map(Array.from(map as Map<unknown, unknown>, ([k, v]) => [apply(keyCast, k), apply(valueCast, v)]))
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** What widening makes necessary (PROTOCOL.md, "Type Widening"), and what writers leave out that should annotate their columns. */
function leafCast(element: ParquetTree['element'], type: string): Cast | undefined {
  const { type: physical, converted_type: converted, logical_type: logical } = element
  if (type === 'string')
    return isText(element) ? undefined : (value) => (value instanceof Uint8Array ? decoder.decode(value) : value)
  if (type === 'binary') return isText(element) ? (value) => encoder.encode(value as string) : undefined
  if (type === 'timestamp' || type === 'timestamp_ntz') {
    return converted === 'DATE' || logical?.type === 'DATE' ? (days) => (days as number) * 86_400_000 : undefined
  }
  if (type === 'float' || type === 'double') {
    return physical === 'INT64' || logical?.type === 'DECIMAL' || converted === 'DECIMAL' ? Number : undefined
  }
  const decimal = decimalType(type)
  if (decimal === undefined) return undefined
  const stored =
    logical?.type === 'DECIMAL' ? logical.scale : converted === 'DECIMAL' ? (element.scale ?? 0) : undefined
  return stored === decimal.scale ? undefined : (value) => scaledDecimal(String(value), decimal.scale) ?? String(value)
}

const TEXTS = new Set<string | undefined>(['UTF8', 'JSON', 'ENUM', 'STRING'])

function isText({ converted_type: converted, logical_type: logical }: ParquetTree['element']): boolean {
  return TEXTS.has(converted) || TEXTS.has(logical?.type)
}

const PRIMITIVES = new Set([
  'string',
  'binary',
  'boolean',
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
  'date',
  'timestamp',
  'timestamp_ntz',
  'void',
  'null',
])

function checkType(type: DeltaType, column: string): void {
  if (typeof type === 'string') {
    if (PRIMITIVES.has(type) || decimalType(type) !== undefined) return
    throw new SluiceError(
      'DELTA_FEATURE_UNSUPPORTED',
      `Column ${JSON.stringify(column)} has the Delta type ${typeText(type)}, which Sluice does not read. Read the other columns, or the table with another engine.`,
      { details: { column, type } },
    )
  }
  if (type.type === 'array') checkType(type.elementType, column)
  else if (type.type === 'map') {
    checkType(type.keyType, column)
    checkType(type.valueType, column)
  } else for (const field of type.fields) checkType(field.type, column)
}
