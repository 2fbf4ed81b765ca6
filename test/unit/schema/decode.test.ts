import { describe, expect, it } from 'vitest'
import { type Decoded, jsonDecoder } from '#schema/decode.ts'
import { MALFORMED_HEADER } from '#schema/record-batch.ts'
import { decodeValue, field, recordsOf, required, rowsOf } from '../../support/json-records.ts'

const reasons = (decoded: Decoded): unknown[] => decoded.rejects.map(({ record, reason }) => [record, reason])

describe('an object', () => {
  const decoder = jsonDecoder([field('id', 'long'), field('block', 'string'), field('arrest', 'boolean')])
  const row = { id: 7, block: '004XX E 87TH PL', arrest: true }

  it.each([
    ['in the order of the columns', '{"id":7,"block":"004XX E 87TH PL","arrest":true}'],
    ['in any other order', '{"arrest":true,"id":7,"block":"004XX E 87TH PL"}'],
    ['with white space anywhere', ' \t\r\n{ "id" :\n7 , "block"\t: "004XX E 87TH PL" ,"arrest": true } \n'],
    [
      'with properties no column has',
      '{"a":[1,{"b":[]},"x\\"y"],"id":7,"c":{},"block":"004XX E 87TH PL","d":null,"arrest":true}',
    ],
    ['with names in escapes', '{"\\u0069d":7,"bl\\u006fck":"004XX E 87TH PL","arrest":true}'],
    [
      'with a property twice, the last of which counts',
      '{"id":6,"block":"b","arrest":true,"id":7,"block":"004XX E 87TH PL"}',
    ],
    [
      'with a fault in a property that a later one replaces',
      '{"id":"x","block":"004XX E 87TH PL","arrest":true,"id":7}',
    ],
  ])('is read %s', (_, json) => {
    const decoded = decoder.decode(recordsOf([json]))
    expect(decoded.rejects).toEqual([])
    expect(rowsOf(decoded)).toEqual([row])
  })

  it('needs no property for a nullable column', () => {
    expect(rowsOf(decoder.decode(recordsOf(['{}', '{ }', '{"id":1}', '{"block":null,"arrest":null}'])))).toEqual([
      { id: null, block: null, arrest: null },
      { id: null, block: null, arrest: null },
      { id: 1, block: null, arrest: null },
      { id: null, block: null, arrest: null },
    ])
  })

  it.each([
    '',
    ' ',
    'null',
    '[]',
    '"text"',
    '7',
    '{',
    '{"id"',
    '{"id":',
    '{"id":7',
    '{"id":7,',
    '{"id":7,}',
    '{"id":7}}',
    '{"id":7} x',
    '{"id":7}{"id":8}',
    '{id:7}',
    "{'id':7}",
    '{"id" 7}',
    '{"id":07}',
    '{"id":-}',
    '{"id":1.}',
    '{"id":.5}',
    '{"id":+5}',
    '{"id":1e}',
    '{"id":0x1}',
    '{"id":NaN}',
    '{"id":nul}',
    '{"arrest":truee}',
    '{"arrest":True}',
    '{"arrest":fals}',
    '{"block":"a\nb"}',
    '{"block":"a\tlonger\tone"}',
    '{"block":"\\x"}',
    '{"block":"\\u12"}',
    '{"block":"\\u12zz"}',
    '{"block":"\\ud83d\\uzzzz"}',
    '{"block":"open}',
    '{"block":"open\\"}',
    '{"other":[1,2}',
    '{"other":{"a"}}',
    '{"other":[1,]}',
    '{"other":{"a":1,}}',
    '{"other":"\\q"}',
    '{"id":7//c\n}',
    '\ufeff{"id":7}',
  ])('%j is none', (json) => {
    const decoded = decoder.decode(recordsOf(['{"id":1}', json, '{"id":2,"block":"b","arrest":false}', json]))
    expect(reasons(decoded)).toEqual([
      [1, 'not a JSON object'],
      [3, 'not a JSON object'],
    ])
    expect(rowsOf(decoded)).toEqual([
      { id: 1, block: null, arrest: null },
      { id: 2, block: 'b', arrest: false },
    ])
  })

  it('is never read past its end', () => {
    // the records are an object only when they are put together
    const decoded = decoder.decode(
      recordsOf(['{"block":"a', 'b"}', '{"id":1', '2}', '{"other":[1', ',2]}', '{"id":1}']),
    )
    expect(decoded.batch.rows).toBe(1)
    expect(decoded.rejects.length).toBe(6)
  })

  it('may not nest deeper than 64', () => {
    const nested = (depth: number): string => `{"other":${'['.repeat(depth)}${']'.repeat(depth)}}`
    const decoded = decoder.decode(recordsOf([nested(64), nested(65), nested(100_000)]))
    expect(decoded.batch.rows).toBe(1)
    expect(reasons(decoded)).toEqual([
      [1, 'nested too deeply'],
      [2, 'nested too deeply'],
    ])
  })
})

describe('a record that can be no row', () => {
  const decoder = jsonDecoder([required(field('id', 'long')), field('block', 'string')])

  it('is rejected for what it is, and its neighbours are not', () => {
    const decoded = decoder.decode(
      recordsOf([
        '{"id":1}',
        null,
        { value: 'a,b', headers: [{ name: MALFORMED_HEADER, value: Buffer.from('line 7 has 3 fields, not 2') }] },
        { value: '{"id":2}', headers: [{ name: 'trace', value: null }] },
        { value: null, headers: [{ name: MALFORMED_HEADER, value: null }] },
        new Uint8Array([...Buffer.from('{"id":3,"block":"'), 0xc3, 0x28, ...Buffer.from('"}')]),
        '{"block":"b"}',
        '{"id":null}',
        '{"id":4,"block":"é"}',
      ]),
    )
    expect(decoded.rejects).toEqual([
      { record: 1, reason: 'record without a value', detail: null },
      { record: 2, reason: 'malformed source record', detail: 'line 7 has 3 fields, not 2' },
      { record: 4, reason: 'malformed source record', detail: '' },
      { record: 5, reason: 'invalid UTF-8', detail: '{"id":3,"block":"\ufffd("}' },
      { record: 6, reason: 'null in a required column', detail: 'id: missing' },
      { record: 7, reason: 'null in a required column', detail: 'id: null' },
    ])
    expect(rowsOf(decoded)).toEqual([
      { id: 1, block: null },
      { id: 2, block: null },
      { id: 4, block: 'é' },
    ])
    expect([...decoded.rowRecords.subarray(0, decoded.batch.rows)]).toEqual([0, 3, 8])
    expect(decoded.batch.vectors[0]?.valid).toBeNull()
  })

  it('reports the first column at fault in the order of the columns, whatever the order of properties', () => {
    const decoded = jsonDecoder([field('a', 'int'), required(field('b', 'int')), field('c', 'int')]).decode(
      recordsOf(['{"c":"x","a":"y"}', '{"c":"x"}', '{"c":"x","b":1}', '{"b":"z","c":"x"', '{"a":1,"b":2,"c":3}']),
    )
    expect(decoded.rejects.map(({ reason, detail }) => [reason, detail])).toEqual([
      ['number expected', 'a: "y"'],
      ['null in a required column', 'b: missing'],
      ['number expected', 'c: "x"'],
      ['not a JSON object', '{"b":"z","c":"x"'],
    ])
    expect(rowsOf(decoded)).toEqual([{ a: 1, b: 2, c: 3 }])
  })

  it('has a detail of 100 characters at most, well formed and without NUL', () => {
    const decoded = decoder.decode(recordsOf([`{"id":"${'😀'.repeat(200)}"}`, 'x\0'.repeat(200)]))
    for (const { detail } of decoded.rejects) {
      expect(detail?.length).toBe(100)
      expect(detail?.isWellFormed()).toBe(true)
      expect(detail).not.toContain('\0')
    }
  })

  it('leaves no trace in the row that takes its place', () => {
    const decoded = jsonDecoder([field('a', 'int'), field('b', 'string')]).decode(
      recordsOf(['{"a":null,"b":null,', '{"a":1,"b":"x"}', '{"a":5,"b":"y"', '{}']),
    )
    expect(rowsOf(decoded)).toEqual([
      { a: 1, b: 'x' },
      { a: null, b: null },
    ])
    const all = jsonDecoder([field('a', 'int')]).decode(recordsOf(['{"a":null,', '{"a":1}']))
    expect(all.batch.vectors[0]?.valid).toBeNull()
  })

  it('is found by its own bytes where keys are not UTF-8', () => {
    const broken = new Uint8Array([...Buffer.from('{"id":2,"block":"'), 0xff, ...Buffer.from('"}')])
    const decoded = decoder.decode(recordsOf(['{"id":1,"block":"é"}', broken], { binaryKeys: true }))
    expect(rowsOf(decoded)).toEqual([{ id: 1, block: 'é' }])
    expect(reasons(decoded)).toEqual([[1, 'invalid UTF-8']])
  })

  it('does not make a batch fail that has nothing else, nor one that has nothing at all', () => {
    expect(decoder.decode(recordsOf([null, 'x'])).batch.rows).toBe(0)
    expect(decoder.decode(recordsOf([])).batch.rows).toBe(0)
  })
})

describe('a column that JSON cannot hold', () => {
  it('is refused', () => {
    expect(() => jsonDecoder([field('headers', 'headers')])).toThrow(
      "Expected columns that JSON can hold, found 'headers' of kind headers. Remove it from the topic.",
    )
  })
})

describe('a string column', () => {
  it.each([
    ['""', ''],
    ['"a"', 'a'],
    ['"abc"', 'abc'],
    ['"abcd"', 'abcd'],
    ['"héllo wörld 😀"', 'héllo wörld 😀'],
    ['"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t'],
    ['"\\u0041\\u00e9\\u20ac\\uD83D\\ude00"', 'Aé€😀'],
    ['" spaces "', ' spaces '],
    ['\u2028'.length === 1 ? '"\u2028\u007f"' : '', '\u2028\u007f'],
    ['12', '12'],
    ['-1.50e3', '-1.50e3'],
    ['true', 'true'],
    ['false', 'false'],
    ['null', null],
    ['"a\\u0000b"', 'NUL character in text — x: "a\\u0000b"'],
    ['"\\ud83d"', 'half a surrogate pair in text — x: "\\ud83d"'],
    ['"\\ude00\\ud83d"', 'half a surrogate pair in text — x: "\\ude00\\ud83d"'],
    ['"\\ud83d\\n"', 'half a surrogate pair in text — x: "\\ud83d\\n"'],
    ['{"a":1}', 'text expected — x: {"a":1}'],
    ['[1]', 'text expected — x: [1]'],
  ])('takes %s as %j', (json, value) => {
    expect(decodeValue('string', json)).toEqual(value)
  })

  it('holds slices of the records after a batch in which most text was new, and what it gave before stays good', () => {
    const decoder = jsonDecoder([field('text', 'string'), field('ward', 'string')])
    const values = Array.from({ length: 600 }, (_, index) => ({
      text: `case ${index}\n${'é'.repeat(index % 3)}`,
      ward: `${index % 50}`,
    }))
    const records = recordsOf(values.map((value) => JSON.stringify(value)))
    const first = decoder.decode(records)
    const second = decoder.decode(records)
    const third = decoder.decode(recordsOf(['{"text":"plain","ward":1}', '{"text":null}', '{"text":false}']))
    expect(first.batch.vectors.map(({ kind }) => kind)).toEqual(['dictionary', 'dictionary'])
    expect(second.batch.vectors.map(({ kind }) => kind)).toEqual(['slices', 'dictionary'])
    expect(rowsOf(first)).toEqual(values)
    expect(rowsOf(second)).toEqual(values)
    expect(rowsOf(third)).toEqual([
      { text: 'plain', ward: '1' },
      { text: null, ward: null },
      { text: 'false', ward: null },
    ])
    expect(third.batch.vectors[0]).toMatchObject({ kind: 'slices', buffer: third.records.buffer })
  })

  it('is judged by several small batches together', () => {
    const decoder = jsonDecoder([field('text', 'string'), field('ward', 'string')])
    const kinds = Array.from({ length: 60 }, (_, batch) => {
      const values = Array.from({ length: 10 }, (_, row) => ({
        text: `${batch} ${row}`,
        ward: `${(batch * 10 + row) % 50}`,
      }))
      return decoder
        .decode(recordsOf(values.map((value) => JSON.stringify(value))))
        .batch.vectors.map(({ kind }) => kind)
    })
    expect(kinds[0]).toEqual(['dictionary', 'dictionary'])
    expect(kinds[51]).toEqual(['dictionary', 'dictionary'])
    expect(kinds[52]).toEqual(['slices', 'dictionary'])
  })

  it('begins a new dictionary when the old one has more than 65,536 entries', () => {
    const decoder = jsonDecoder([field('text', 'string')])
    const distinct = (from: number, count: number): string[] =>
      Array.from({ length: count }, (_, index) => `{"text":"${from + index}"}`)
    const repeated = Array.from({ length: 40_000 }, () => '{"text":"0"}')
    const batches = [0, 1, 2].map(
      (batch) => decoder.decode(recordsOf([...distinct(batch * 35_000, 35_000), ...repeated])).batch.vectors[0],
    )
    const dictionaries = batches.map((vector) => (vector?.kind === 'dictionary' ? vector.dictionary : undefined))
    expect(dictionaries[1]).toBe(dictionaries[0])
    expect(dictionaries[2]).not.toBe(dictionaries[0])
    expect(dictionaries[0]?.size).toBe(70_000)
    expect(dictionaries[0]?.text(69_999)).toBe('69999')
    expect(dictionaries[2]?.size).toBe(35_001)
  })
})
