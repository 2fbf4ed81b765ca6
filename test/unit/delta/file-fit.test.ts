import { describe, expect, test } from 'vitest'
import { misfit } from '#delta/file-fit.ts'
import type { DeltaType } from '#delta/schema-json.ts'
import type { ParquetTree } from '#parquet/reader.ts'

const node = (element: object, ...children: readonly ParquetTree[]): ParquetTree =>
  ({ element: { name: 'c', ...element }, children, count: 1, path: [] }) as unknown as ParquetTree

const INT32 = { type: 'INT32' }
const INT64 = { type: 'INT64' }
const UINT8 = { type: 'INT32', converted_type: 'UINT_8' }
const INT16 = { type: 'INT32', converted_type: 'INT_16', logical_type: { type: 'INTEGER', bitWidth: 16 } }
const FLOAT = { type: 'FLOAT' }
const DOUBLE = { type: 'DOUBLE' }
const HALF = { type: 'FIXED_LEN_BYTE_ARRAY', logical_type: { type: 'FLOAT16' } }
const BOOLEAN = { type: 'BOOLEAN' }
const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8' }
const BYTES = { type: 'BYTE_ARRAY' }
const FIXED = { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16 }
const DATE = { type: 'INT32', converted_type: 'DATE' }
const LOGICAL_DATE = { type: 'INT32', logical_type: { type: 'DATE' } }
const TIME = { type: 'INT32', logical_type: { type: 'TIME' } }
const MICROS = { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' }
const NANOS = { type: 'INT64', logical_type: { type: 'TIMESTAMP', unit: 'NANOS' } }
const INT96 = { type: 'INT96' }
const DECIMAL = { type: 'INT32', converted_type: 'DECIMAL', precision: 9, scale: 2 }
const DECIMAL_BYTES = { type: 'FIXED_LEN_BYTE_ARRAY', logical_type: { type: 'DECIMAL', precision: 30, scale: 2 } }
const DECIMAL_TEXT = { type: 'BYTE_ARRAY', converted_type: 'DECIMAL', precision: 30, scale: 2 }

const ALL = {
  INT32,
  INT64,
  UINT8,
  INT16,
  FLOAT,
  DOUBLE,
  HALF,
  BOOLEAN,
  TEXT,
  BYTES,
  FIXED,
  DATE,
  LOGICAL_DATE,
  TIME,
  MICROS,
  NANOS,
  INT96,
  DECIMAL,
  DECIMAL_BYTES,
  DECIMAL_TEXT,
}
type Name = keyof typeof ALL

const INTEGERS: readonly Name[] = ['INT32', 'INT64', 'UINT8', 'INT16']
const DECIMALS: readonly Name[] = ['DECIMAL', 'DECIMAL_BYTES', 'DECIMAL_TEXT']
const FLOATS: readonly Name[] = [...INTEGERS, 'FLOAT', 'DOUBLE', 'HALF', ...DECIMALS]
const BINARIES: readonly Name[] = ['HALF', 'TEXT', 'BYTES', 'FIXED']
const DATES: readonly Name[] = ['INT32', 'UINT8', 'INT16', 'DATE', 'LOGICAL_DATE']
const INSTANTS: readonly Name[] = ['DATE', 'LOGICAL_DATE', 'MICROS', 'NANOS', 'INT96']

describe('What a data file has for a column', () => {
  test.each<[string, readonly Name[]]>([
    ['byte', INTEGERS],
    ['short', INTEGERS],
    ['integer', INTEGERS],
    ['long', INTEGERS],
    ['float', FLOATS],
    ['double', FLOATS],
    ['boolean', ['BOOLEAN']],
    ['string', BINARIES],
    ['binary', BINARIES],
    ['date', DATES],
    ['timestamp', INSTANTS],
    ['timestamp_ntz', INSTANTS],
    ['decimal(9,2)', [...INTEGERS, ...DECIMALS]],
    ['void', Object.keys(ALL) as Name[]],
  ])('is read as %s from these types only', (type, names) => {
    const fitting = Object.entries(ALL).filter(([, element]) => misfit(node(element), type) === undefined)
    expect(fitting.map(([name]) => name).sort()).toEqual([...names].sort())
  })

  test.each<[object, DeltaType, string]>([
    [INT64, 'string', 'INT64'],
    [TEXT, 'long', 'BYTE_ARRAY (UTF8)'],
    [NANOS, 'long', 'INT64 (TIMESTAMP)'],
    [INT64, 'timestamp', 'INT64'],
    [INT32, { type: 'struct', fields: [] }, 'INT32'],
    [TEXT, { type: 'map', keyType: 'string', valueType: 'long', valueContainsNull: true }, 'BYTE_ARRAY (UTF8)'],
    [INT32, { type: 'array', elementType: 'long', containsNull: true }, 'INT32'],
  ])('is told when it does not fit: %j', (element, type, found) => {
    expect(misfit(node(element), type)).toBe(found)
  })

  test('is a group where the table has none', () => {
    expect(misfit(node({}, node(INT32)), 'long')).toBe('a group of columns')
    expect(misfit(node({}, node(INT32)), { type: 'struct', fields: [] })).toBeUndefined()
  })

  test('may be a list without a group, as old writers have it', () => {
    const type: DeltaType = { type: 'array', elementType: 'integer', containsNull: false }
    expect(misfit(node({ ...INT32, repetition_type: 'REPEATED' }), type)).toBeUndefined()
  })
})
