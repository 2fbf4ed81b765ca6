import { constants, zstdCompressSync } from 'node:zlib'
import type { SchemaElement } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { SluiceError } from '#core/errors.ts'

/**
 * Rows of nested values to Parquet, value by value: for Delta checkpoints, which are small beside the data and off the hot path.
 * The encoding is the profile that every current engine reads: ZSTD level 1, PLAIN, data pages of version 2,
 * converted and logical types, row groups of 100,000.
 */

export type NestedType =
  /** Text, 64 and 32 bit integers (safe integers in JavaScript), true or false. */
  | 'string'
  | 'long'
  | 'int'
  | 'boolean'
  | { readonly struct: readonly NestedField[] }
  | { readonly list: NestedType }
  /** From text to text or null: a plain object in JavaScript. */
  | 'map'

/** Every field may be null or missing. */
export interface NestedField {
  readonly name: string
  readonly type: NestedType
}

export type NestedRow = Readonly<Record<string, unknown>>

const ROW_GROUP = 100_000

/**
 * One Parquet file of the rows, at least one.
 *
 * @throws SluiceError PARQUET_VALUE_INVALID for an integer that is not safe or text that is not Unicode: the format would hold another value
 */
export function encodeNested(fields: readonly NestedField[], rows: readonly NestedRow[]): Uint8Array {
  if (rows.length === 0) throw new RangeError('a Parquet file without rows is not read by every engine')
  const buffer = parquetWriteBuffer({
    columnData: fields.map(({ name, type }) => {
      const convert = converter(type, name)
      return { name, data: rows.map((row) => convert(row[name])), encoding: 'PLAIN' }
    }),
    schema: [
      { name: 'schema', num_children: fields.length },
      ...fields.flatMap(({ name, type }) => elements(name, type)),
    ],
    codec: 'ZSTD',
    compressors: { ZSTD: compressZstd },
    rowGroupSize: ROW_GROUP,
    statisticsTruncateLength: 64,
    createdBy: 'sluice version 0.1.0',
  })
  return new Uint8Array(buffer)
}

function elements(name: string, type: NestedType): SchemaElement[] {
  const group = { name, repetition_type: 'OPTIONAL' } as const
  if (typeof type === 'object') {
    if ('struct' in type) {
      return [
        { ...group, num_children: type.struct.length },
        ...type.struct.flatMap((field) => elements(field.name, field.type)),
      ]
    }
    return [
      { ...group, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      ...elements('element', type.list),
    ]
  }
  if (type === 'map') {
    return [
      { ...group, num_children: 1, converted_type: 'MAP', logical_type: { type: 'MAP' } },
      { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
      { ...text('key'), repetition_type: 'REQUIRED' },
      text('value'),
    ]
  }
  if (type === 'string') return [text(name)]
  return [{ ...group, type: type === 'long' ? 'INT64' : type === 'int' ? 'INT32' : 'BOOLEAN' }]
}

function text(name: string): SchemaElement {
  return {
    name,
    type: 'BYTE_ARRAY',
    repetition_type: 'OPTIONAL',
    converted_type: 'UTF8',
    logical_type: { type: 'STRING' },
  }
}

/** From a JavaScript value to what the library writes without loss. */
function converter(type: NestedType, path: string): (value: unknown) => unknown {
  if (typeof type === 'object') {
    if ('list' in type) {
      const convert = converter(type.list, path)
      return (value) => (Array.isArray(value) ? value.map(convert) : null)
    }
    const fields = type.struct.map(({ name, type: inner }) => ({ name, convert: converter(inner, `${path}.${name}`) }))
    return (value) => {
      if (value == null) return null
      const result: Record<string, unknown> = {}
      for (const { name, convert } of fields) result[name] = convert((value as NestedRow)[name])
      return result
    }
  }
  if (type === 'string') return (value) => wellFormed(value, path)
  if (type === 'map') {
    return (value) =>
      value == null
        ? null
        : Object.entries(value).map(([key, item]) => ({ key: wellFormed(key, path), value: wellFormed(item, path) }))
  }
  if (type === 'boolean') return (value) => value ?? null
  return (value) => {
    if (value == null) return null
    if (!Number.isSafeInteger(value)) throw invalid(path, 'a whole number below 2^53', String(value))
    return type === 'long' ? BigInt(value as number) : value
  }
}

function wellFormed(value: unknown, path: string): unknown {
  if (value == null) return null
  if (typeof value !== 'string' || !value.isWellFormed()) throw invalid(path, 'Unicode text', JSON.stringify(value))
  return value
}

function invalid(path: string, expected: string, found: string): SluiceError {
  return new SluiceError('PARQUET_VALUE_INVALID', `Expected ${path} to be ${expected}, found ${found}.`, {
    details: { path },
  })
}

function compressZstd(input: Uint8Array): Uint8Array {
  return zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
}
