import { describe, expect, test } from 'vitest'
import { parquetMetadata } from '#parquet/metadata.ts'
import { encodeRows, type ParquetColumn, ParquetRowsWriter, type ParquetType } from '#parquet/rows-writer.ts'
import { bytesSource } from '#parquet/source.ts'
import { pagesOf, rowsOf } from './file-pages.ts'

const decimal = (precision: number, scale: number): ParquetType => ({ kind: 'decimal', precision, scale })
const list = (type: ParquetType, nullable = true): ParquetType => ({ kind: 'list', element: { type, nullable } })
const map = (key: ParquetType, value: ParquetType): ParquetType => ({
  kind: 'map',
  key: { type: key, nullable: false },
  value: { type: value, nullable: true },
})
const struct = (...fields: readonly ParquetColumn[]): ParquetType => ({ kind: 'struct', fields })
const column = (name: string, type: ParquetType, nullable = true): ParquetColumn => ({ name, type, nullable })

async function readBack(type: ParquetType, values: readonly unknown[]): Promise<unknown[]> {
  const { bytes } = encodeRows(
    [column('x', type)],
    values.map((x) => ({ x })),
  )
  return (await rowsOf(bytes)).map(({ x }) => x)
}

const NINES = '9'.repeat(38)

describe('values at the edges of their types read back as they were', () => {
  test.each<readonly [string, ParquetType, readonly unknown[]]>([
    ['byte', 'byte', [-128, 127, 0, null]],
    ['short', 'short', [-32768, 32767]],
    ['int', 'int', [-2147483648, 2147483647]],
    ['long', 'long', [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n]],
    ['float', 'float', [-0, 0, Number.NaN, Number.POSITIVE_INFINITY, Math.fround(0.1), Math.fround(3.4e38)]],
    ['double', 'double', [-0, 0, Number.NaN, Number.NEGATIVE_INFINITY, 5e-324, 0.1]],
    ['repeated zeros of both signs', 'double', Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 0 : -0))],
    ['string', 'string', ['', '\ufeffmarked', 'a\u0000b', '😀', 'x'.repeat(70), `${'x'.repeat(70)}ä`]],
    ['binary', 'binary', [new Uint8Array(0), Uint8Array.of(0, 255)]],
    ['date before the Gregorian calendar', 'date', [-719_162, 2_932_896]],
    ['timestamp to the microsecond', 'timestamp', [0.001, -0.001, 1_546_300_800_123.456, -62_135_596_800_000]],
    ['decimal of 32 bits', decimal(9, 2), ['9999999.99', '-9999999.99', '0.00', '-0.01']],
    ['decimal of 64 bits', decimal(18, 9), ['999999999.999999999', '-999999999.999999999', '0.000000001']],
    ['decimal of 16 bytes', decimal(38, 0), [NINES, `-${NINES}`, '0', '-1']],
    ['decimal of 38 digits behind the point', decimal(38, 38), [`0.${NINES}`, `-0.${NINES}`]],
    ['list', list('int'), [[], [null], [1, null, 2], null]],
    ['list of lists', list(list('string')), [[], [[]], [null, [], ['a', null]], null]],
    ['map', map('long', 'string'), [new Map(), new Map([[1, null]]), null]],
    ['struct', struct(column('a', 'int'), column('b', list('int'))), [{ a: null, b: null }, { a: 1, b: [] }, null]],
  ])('%s', async (_, type, values) => {
    expect(await readBack(type, values)).toEqual(values)
  })

  test('bigints of microseconds are timestamps to the microsecond', async () => {
    expect(await readBack('timestamp', [1_546_300_800_123_456n, -1n])).toEqual([1_546_300_800_123.456, -0.001])
  })

  test('decimals may come as numbers and bigints, and as text with fewer digits or an exponent', async () => {
    const values = [1.5, -0, 12n, '1', '+1.5', '.5', '5.', '1.50000', '25e-1', 1e-7]
    const texts = ['1.5000000', '0.0000000', '12.0000000', '1.0000000', '1.5000000', '0.5000000', '5.0000000']
    const expected = [...texts, '1.5000000', '2.5000000', '0.0000001']
    for (const precision of [9, 18, 38]) expect(await readBack(decimal(precision, 7), values)).toEqual(expected)
  })

  test('a plain object is a map from text, and a property that is missing or inherited is null', async () => {
    const columns = [column('m', map('string', 'int')), column('constructor', 'string')]
    expect(await rowsOf(encodeRows(columns, [{ m: { a: 1, b: null } }, {}]).bytes)).toEqual([
      {
        m: new Map([
          ['a', 1],
          ['b', null],
        ]),
        constructor: null,
      },
      { m: null, constructor: null },
    ])
  })

  test('fields that rows have beside their columns are passed over', async () => {
    expect(await rowsOf(encodeRows([column('a', 'int')], [{ a: 1, b: 2 }]).bytes)).toEqual([{ a: 1 }])
  })
})

describe('a value that would not read back equal is refused', () => {
  test.each<readonly [ParquetType, unknown, string]>([
    ['boolean', 1, 'expected true or false, found the number 1.'],
    ['byte', 128, 'expected a whole number from -128 to 127, found the number 128.'],
    ['short', -32769, 'expected a whole number from -32768 to 32767, found the number -32769.'],
    ['int', 2 ** 31, 'expected a whole number from -2147483648 to 2147483647, found the number 2147483648.'],
    ['int', 1.5, 'found the number 1.5.'],
    ['int', '1', 'found the text "1".'],
    [
      'long',
      2 ** 53,
      'expected a whole number within ±(2^53 − 1), or a bigint of 64 bits, found the number 9007199254740992.',
    ],
    ['long', 2n ** 63n, 'found the bigint 9223372036854775808.'],
    ['float', 1e39, 'expected a number of 32 bits, up to 3.4e38, found the number 1e+39.'],
    ['double', 1n, 'expected a number, found the bigint 1.'],
    ['string', 'a\ud800', 'expected well-formed Unicode text, found a string with half of a surrogate pair.'],
    ['string', 7, 'expected a string, found the number 7.'],
    ['binary', 'abc', 'expected a Uint8Array, found a string of 3 characters.'],
    ['date', new Date(0), 'found a Date.'],
    [
      'timestamp',
      Number.NaN,
      'expected epoch milliseconds, or a bigint of microseconds, within 64-bit microseconds, found the number NaN.',
    ],
    ['timestamp', 1e16, 'found the number 10000000000000000.'],
    [
      decimal(4, 2),
      '100',
      'expected a decimal(4,2): at most 2 digits before the point and 2 behind it, found the text "100".',
    ],
    [decimal(4, 2), '0.001', 'found the text "0.001".'],
    [decimal(4, 2), 0.1 + 0.2, 'found the number 0.30000000000000004.'],
    [decimal(38, 0), 2n ** 130n, 'expected a decimal(38,0): at most 38 digits before the point and 0 behind it'],
    [decimal(18, 0), '1000000000000000000', 'expected a decimal(18,0)'],
    [decimal(4, 2), 'NaN', 'found a string of 3 characters.'],
    [decimal(4, 2), '', 'found the text "".'],
    [decimal(4, 2), '1e999999', 'found the text "1e999999".'],
    [list('int'), { 0: 1 }, 'expected an array, found an object.'],
    [map('string', 'int'), [1], 'expected a Map or a plain object, found an array.'],
    [map('int', 'int'), { 1: 1 }, 'expected a Map, found an object.'],
    [struct(column('a', 'int')), 3, 'expected an object with the fields of the struct, found the number 3.'],
  ])('%j: %s', (type, value, message) => {
    const rows = [{ x: null }, { x: value }]
    expect(() => encodeRows([column('x', type)], rows)).toThrowError(
      expect.objectContaining({ code: 'PARQUET_VALUE_INVALID', message: expect.stringContaining(message) }),
    )
    expect(() => encodeRows([column('x', type)], rows)).toThrow('Column "x", row 1: ')
  })

  test('wherever it lies, with the path to it and the row', () => {
    const type = list(struct(column('m', map('string', 'byte'))))
    const rows = [{ x: [] }, { x: [{ m: null }] }, { x: [{ m: { a: 1 } }, { m: { b: 200 } }] }]
    expect(() => encodeRows([column('x', type)], rows)).toThrow(
      'Column "x.element.m.value", row 2: expected a whole number from -128 to 127, found the number 200. ' +
        'Give a value of the declared type, or declare the column with a wider one.',
    )
  })

  test('null where the column, the element or the field may not be null', () => {
    const required = [column('a', 'int', false)]
    const message = (name: string) =>
      `Column "${name}", row 0: expected a value, because the column is not nullable, found null.`
    expect(() => encodeRows(required, [{}])).toThrow(message('a'))
    expect(() => encodeRows([column('x', list('int', false))], [{ x: [null] }])).toThrow(message('x.element'))
    expect(() => encodeRows([column('x', struct(...required))], [{ x: {} }])).toThrow(message('x.a'))
    expect(() => encodeRows([column('x', map('int', 'int'))], [{ x: new Map([[null, 1]]) }])).toThrow(message('x.key'))
    expect(encodeRows([column('x', struct(...required))], [{ x: null }]).rows).toBe(1)
  })

  test('a row number counts on over row groups and runs', () => {
    const writer = new ParquetRowsWriter([column('x', 'int')], { rowGroupRows: 2 })
    writer.add([{ x: 1 }, { x: 2 }, { x: 3 }])
    expect(() => writer.add([{ x: 4 }, { x: 'no' }])).toThrow('Column "x", row 4: ')
  })

  test('no rows at all', () => {
    expect(() => encodeRows([column('x', 'int')], [])).toThrow(
      'Expected at least one row, found none. Write no file at all: readers fail on a file without rows.',
    )
  })
})

describe('a schema that Parquet can’t hold is refused', () => {
  const deep = (levels: number): ParquetType => (levels === 0 ? 'int' : list(deep(levels - 1)))
  test.each<readonly [string, readonly ParquetColumn[], string]>([
    ['no column', [], 'Columns of the file: expected at least one column, found none.'],
    ['a struct without fields', [column('s', struct())], 'Columns of s: expected at least one column, found none.'],
    [
      'two columns of one name',
      [column('a', 'int'), column('a', 'int')],
      'Columns of the file: expected names of columns that are Unicode text, not empty, and differ, found "a".',
    ],
    ['a name that is no text', [column('\ud800', 'int')], 'found "\\ud800"'],
    [
      'a precision of 39',
      [column('d', decimal(39, 0))],
      'Columns of d: expected a precision of 1 to 38 and a scale up to it, found 39 and 0.',
    ],
    ['a scale above the precision', [column('d', decimal(2, 3))], 'found 2 and 3.'],
    [
      'keys that may be null',
      [column('m', { kind: 'map', key: { type: 'int', nullable: true }, value: { type: 'int', nullable: true } })],
      'Columns of m: expected keys that are not nullable, found nullable ones.',
    ],
    [
      'lists nested too deep',
      [column('l', deep(64))],
      'expected at most 64 structs, lists and maps in each other, found more.',
    ],
  ])('%s', (_, columns, message) => {
    expect(() => encodeRows(columns, [{}])).toThrow(message)
  })

  test('but 63 lists in each other are written and read', async () => {
    const value = Array.from({ length: 63 }).reduce<unknown>((inner) => [inner], 7)
    expect(await readBack(deep(63), [value, null])).toEqual([value, null])
  })
})

describe('statistics', () => {
  test('are those of each leaf outside of lists and maps, and the nulls of topmost lists and maps', () => {
    const columns = [
      column('i', 'int'),
      column('l', 'long'),
      column('d', decimal(20, 2)),
      column('t', 'timestamp'),
      column('s', struct(column('a', 'string'), column('tags', list('string')))),
      column('m', map('string', 'int')),
      column('b', 'boolean'),
      column('f', 'float'),
    ]
    const rows = [
      { i: 3, l: 2n ** 60n, d: '-0.50', t: 1.001, s: { a: 'b', tags: ['x'] }, m: null, b: true, f: 1 },
      { i: -1, l: 5, d: '7', t: -1.001, s: null, m: { a: 1 }, b: null, f: Number.NaN },
    ]
    expect(encodeRows(columns, rows, { rowGroupRows: 1 }).columns).toEqual([
      { path: ['i'], kind: 'int', nullCount: 0, min: -1, max: 3 },
      { path: ['l'], kind: 'long', nullCount: 0, min: 5, max: 2n ** 60n },
      { path: ['d'], kind: 'decimal', nullCount: 0, min: '-0.50', max: '7.00' },
      { path: ['t'], kind: 'timestamp', nullCount: 0, min: -2, max: 2 },
      { path: ['s', 'a'], kind: 'string', nullCount: 1, min: 'b', max: 'b' },
      { path: ['s', 'tags'], kind: 'list', nullCount: 1 },
      { path: ['m'], kind: 'map', nullCount: 1 },
      { path: ['b'], kind: 'boolean', nullCount: 1 },
      { path: ['f'], kind: 'float', nullCount: 0, min: 1 },
    ])
  })
})

describe('the file', () => {
  test('annotates types as other engines expect them, with field ids', async () => {
    const columns = [
      { ...column('b', 'byte'), fieldId: 4 },
      column('n', 'timestamp_ntz'),
      column('d', decimal(20, 2), false),
    ]
    const { bytes } = encodeRows(columns, [{ b: 1, n: 0, d: 1 }])
    const { schema, keyValues } = await parquetMetadata(bytesSource(bytes))
    expect(schema).toEqual([
      {
        name: 'b',
        type: 'INT32',
        repetition_type: 'OPTIONAL',
        converted_type: 'INT_8',
        field_id: 4,
        logical_type: { type: 'INTEGER', bitWidth: 8, isSigned: true },
      },
      {
        name: 'n',
        type: 'INT64',
        repetition_type: 'OPTIONAL',
        logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MICROS' },
      },
      {
        name: 'd',
        type: 'FIXED_LEN_BYTE_ARRAY',
        type_length: 9,
        repetition_type: 'REQUIRED',
        converted_type: 'DECIMAL',
        scale: 2,
        precision: 20,
        logical_type: { type: 'DECIMAL', scale: 2, precision: 20 },
      },
    ])
    expect(keyValues.size).toBe(0)
  })

  test('has pages of version 1 with the encodings that every engine reads, dictionaries for text only', async () => {
    const columns = [
      column('flag', 'boolean'),
      column('code', 'string'),
      column('ratio', 'double'),
      column('n', 'long'),
      column('d', decimal(20, 2)),
      column('tags', list('string')),
    ]
    const row = { flag: true, code: 'THEFT', ratio: 0, n: 1, d: 1, tags: ['a', 'a'] }
    const { bytes } = encodeRows(columns, new Array(5000).fill(row), { rowGroupRows: 2000 })
    for (const { column: name, headers } of await pagesOf(bytes)) {
      const isText = name === 'code' || name.startsWith('tags')
      for (const { type, data_page_header: data, dictionary_page_header: dictionary } of headers) {
        expect(type).toBe(dictionary === undefined ? 'DATA_PAGE' : 'DICTIONARY_PAGE')
        expect((data ?? dictionary)?.encoding).toBe(isText && data !== undefined ? 'RLE_DICTIONARY' : 'PLAIN')
      }
    }
  })

  test('has no dictionary where text does not repeat, from whatever row group on', async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => ({ x: i < 10_000 ? `code ${i % 7}` : `text ${i}` }))
    const { bytes } = encodeRows([column('x', 'string')], rows, { rowGroupRows: 10_000 })
    expect((await pagesOf(bytes)).map(({ headers }) => headers[0]?.type)).toEqual([
      'DICTIONARY_PAGE',
      'DATA_PAGE',
      'DATA_PAGE',
    ])
    expect(await rowsOf(bytes)).toEqual(rows)
  })

  test('tells Spark that old timestamps are in its calendar', async () => {
    const { bytes } = encodeRows([column('t', 'timestamp_ntz')], [{ t: -62_135_596_800_000 }])
    expect((await parquetMetadata(bytesSource(bytes))).keyValues.get('org.apache.spark.version')).toBe('3.5.0')
  })

  test('of large lists is cut into pages between rows and reads back equal', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => ({
      x: i % 7 === 0 ? null : Array.from({ length: i * 10 }, (_, k) => `${i} ${k} ${'y'.repeat(k % 50)}`),
    }))
    const { bytes } = encodeRows([column('x', list('string'))], rows)
    expect(await rowsOf(bytes)).toEqual(rows)
  })
})
