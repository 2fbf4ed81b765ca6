import { describe, expect, test } from 'vitest'
import type { ColumnKind, Fields } from '#schema/column.ts'
import { RECORD_BYTES_MAX, VALUE_BYTES_MAX } from '#schema/csv-limits.ts'
import { readCsv } from '../../support/csv-records.ts'

const field = (name: string, kind: ColumnKind = 'string', nullable = false) => ({ name, column: { kind, nullable } })
const abc: Fields = [field('a'), field('b'), field('c')]
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0))

const values = (text: string, fields: Fields = abc) => readCsv(text, fields).map(({ value }) => value)
const outcomes = (input: string | Uint8Array, fields: Fields = abc) =>
  readCsv(input, fields).map(({ value, reason, raw }) => value ?? [reason, new TextDecoder('latin1').decode(raw!)])

describe('CSV records', () => {
  test('become JSON objects in the order of the fields', () => {
    expect(values('c,a,b\n3,1,2\n')).toEqual(['{"a":"1","b":"2","c":"3"}'])
  })

  test.each([
    ['CRLF', '\r\n'],
    ['LF', '\n'],
  ])('end with %s or with the file', (_, br) => {
    const expected = ['{"a":"1","b":"2","c":"3"}', '{"a":"4","b":"5","c":"6"}']
    expect(values(`a,b,c${br}1,2,3${br}4,5,6${br}`)).toEqual(expected)
    expect(values(`a,b,c${br}1,2,3${br}4,5,6`)).toEqual(expected)
  })

  test('are not made of blank lines', () => {
    expect(values('a,b,c\n\n\r\n1,2,3\n\n')).toEqual(['{"a":"1","b":"2","c":"3"}'])
  })

  test('hold commas, quotes and line breaks in quotes', () => {
    expect(values('a,b,c\n"x,y","say ""hi""","one\r\ntwo"\n')).toEqual([
      '{"a":"x,y","b":"say \\"hi\\"","c":"one\\r\\ntwo"}',
    ])
    expect(values('a,b,c\n"","""",","')).toEqual(['{"a":"","b":"\\"","c":","}'])
  })

  test('take quotes and lone carriage returns inside a plain cell as text', () => {
    expect(values('a,b,c\n5" pipe,x"y"",1\r2\n')).toEqual(['{"a":"5\\" pipe","b":"x\\"y\\"\\"","c":"1\\r2"}'])
  })

  test('escape what JSON must escape and nothing else', () => {
    const cell = '\u0001\t\b\f\\/\u001f\u007fé€😀'
    const [value] = values(`a,b,c\n${cell},,\n`)
    expect(value).toBe('{"a":"\\u0001\\t\\b\\f\\\\/\\u001f\u007fé€😀","b":"","c":""}')
    expect(JSON.parse(value!)).toEqual({ a: cell, b: '', c: '' })
  })

  test('leave out fields without a column', () => {
    expect(values('c,a\n3,1\n', [field('a'), field('b', 'string', true), field('c')])).toEqual(['{"a":"1","c":"3"}'])
  })

  test('have numbers as they are written if JSON takes them, as text otherwise', () => {
    const cells = [
      '0',
      '-0',
      '12',
      '-1.50',
      '1e5',
      '1.5E-10',
      '007',
      '+1',
      '.5',
      '1.',
      '1e',
      ' 1',
      '0x1',
      'NaN',
      '-',
      '1 000',
    ]
    const written = values(`n\n${cells.join('\n')}\n`, [field('n', 'double')])
    expect(written.slice(0, 6)).toEqual(cells.slice(0, 6).map((cell) => `{"n":${cell}}`))
    expect(written.slice(6)).toEqual(cells.slice(6).map((cell) => `{"n":"${cell}"}`))
  })

  test('have booleans of any case as literals, anything else as text', () => {
    expect(values('f\ntrue\nFALSE\nTrue\nyes\nTRUES\n1\n', [field('f', 'boolean')])).toEqual([
      '{"f":true}',
      '{"f":false}',
      '{"f":true}',
      '{"f":"yes"}',
      '{"f":"TRUES"}',
      '{"f":"1"}',
    ])
  })

  test('have null for an empty cell, but "" in a string column that may not be null', () => {
    const fields = [
      field('s'),
      field('t', 'string', true),
      field('n', 'long'),
      field('f', 'boolean'),
      field('at', 'timestamp'),
      field('d', 'date', true),
    ]
    expect(values('s,t,n,f,at,d\n,"",,,,\n', fields)).toEqual([
      '{"s":"","t":null,"n":null,"f":null,"at":null,"d":null}',
    ])
  })

  test('have timestamps and dates as text, valid or not', () => {
    expect(values('at,d\n06/31/2018,x\n', [field('at', 'timestamp'), field('d', 'date')])).toEqual([
      '{"at":"06/31/2018","d":"x"}',
    ])
  })

  test('escape the names of fields', () => {
    expect(values('"a""b"\n1\n', [field('a"b')])).toEqual(['{"a\\"b":"1"}'])
  })
})

describe('the key of a CSV record', () => {
  const keys = (text: string, kind: ColumnKind, nullable = false) =>
    readCsv(text, [field('k', kind, nullable), field('v')], { key: 'k' }).map(({ key }) => key)

  test('is the text of its cell', () => {
    expect(keys('v,k\nx,011\nx,"a""b,c"\nx,é\n', 'string')).toEqual(['011', 'a"b,c', 'é'])
  })

  test('is empty for an empty cell of a string column, null where the value is null', () => {
    expect(keys('v,k\nx,\n', 'string')).toEqual([''])
    expect(keys('v,k\nx,\n', 'string', true)).toEqual([null])
    expect(keys('v,k\nx,\n', 'long')).toEqual([null])
  })

  test('is the literal of a boolean', () => {
    expect(keys('v,k\nx,TRUE\nx,False\nx,maybe\n', 'boolean')).toEqual(['true', 'false', 'maybe'])
  })

  test('is null when there is none, or no column for it', () => {
    expect(readCsv('k,v\n1,2\n', [field('k'), field('v')])[0]!.key).toBeNull()
    expect(readCsv('v\n2\n', [field('k', 'string', true), field('v')], { key: 'k' })[0]!.key).toBeNull()
  })
})

describe('a malformed CSV record', () => {
  const good = '{"a":"7","b":"8","c":"9"}'

  test('is a line with too few or too many fields, as it is', () => {
    expect(outcomes('a,b,c\r\n1,2\r\n1,"2",3,4\r\nx\r\n7,8,9')).toEqual([
      ['ragged line: 2 fields where the header has 3 (test.csv line 2)', '1,2'],
      ['ragged line: 4 fields where the header has 3 (test.csv line 3)', '1,"2",3,4'],
      ['ragged line: 1 field where the header has 3 (test.csv line 4)', 'x'],
      good,
    ])
  })

  test('ends with its line when a quote is not closed', () => {
    expect(outcomes('a,b,c\n1,"2,3\n7,8,9\n7,8,9\n')).toEqual([
      ['unclosed quote (test.csv line 2)', '1,"2,3'],
      good,
      good,
    ])
  })

  test('is found unclosed where the next quote opens another cell', () => {
    expect(outcomes('a,b,c\r\n1,"2,3\r\n7,8,"9"\r\n')).toEqual([['unclosed quote (test.csv line 2)', '1,"2,3'], good])
  })

  test('ends with the line of the quote, not of the record, when an earlier cell has a line break', () => {
    expect(outcomes('a,b,c\n"1\n1","2,3\n7,8,9\n')).toEqual([['unclosed quote (test.csv line 3)', '"1\n1","2,3'], good])
  })

  test('may be the last line, unclosed', () => {
    expect(outcomes('a,b,c\n7,8,9\n1,2,"3')).toEqual([good, ['unclosed quote (test.csv line 3)', '1,2,"3']])
    expect(outcomes('a,b,c\n7,8,9\n1,2,"3\r\n')).toEqual([good, ['unclosed quote (test.csv line 3)', '1,2,"3']])
  })

  test('has text after a closing quote', () => {
    expect(outcomes('a,b,c\n1,"2"x,3\n7,8,9\n"1" ,2,3')).toEqual([
      ['text after a closing quote (test.csv line 2)', '1,"2"x,3'],
      good,
      ['text after a closing quote (test.csv line 4)', '"1" ,2,3'],
    ])
  })

  test('gives up one line only when quotes pair up wrongly', () => {
    expect(outcomes('a,b,c\n1,2,"3\n7,8,9\n1,2",3,"4"\n')).toEqual([
      ['ragged line: 5 fields where the header has 3, over 3 lines (test.csv line 2)', '1,2,"3'],
      good,
      ['ragged line: 4 fields where the header has 3 (test.csv line 4)', '1,2",3,"4"'],
    ])
  })

  test('is not UTF-8, at a byte counted from 1', () => {
    expect(outcomes(latin1('a,b,c\n1,caf\xe9,3\n7,8,9\n'))).toEqual([
      ['not UTF-8 at byte 6 (test.csv line 2)', '1,caf\xe9,3'],
      good,
    ])
  })

  test.each([
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a code point above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a lone continuation', [0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['five bytes', [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ])('is not UTF-8 where it has %s', (_, sequence) => {
    const line = Uint8Array.from([...latin1('a,b,c\n1,'), ...sequence, ...latin1(',3\n')])
    expect(readCsv(line, abc)[0]!.reason).toBe('not UTF-8 at byte 3 (test.csv line 2)')
  })

  test('has a NUL byte', () => {
    expect(outcomes('a,b,c\n1,\0,3\n7,8,9\n1,"\0",3')).toEqual([
      ['NUL byte (test.csv line 2)', '1,\0,3'],
      good,
      ['NUL byte (test.csv line 4)', '1,"\0",3'],
    ])
  })

  test('counts the lines inside quotes', () => {
    expect(outcomes('a,b,c\n1,"2\n2\n2",3\nx\n').at(-1)).toEqual([
      'ragged line: 1 field where the header has 3 (test.csv line 5)',
      'x',
    ])
  })

  describe.each([1 << 16, 1_000_003, 1 << 26])('in chunks of %d bytes', (chunk) => {
    const long = (bytes: number) => `1,2,${'x'.repeat(bytes - 4)}`

    test.each(['\n', '\r\n'])('is longer than the limit', (br) => {
      const [one, two, three] = readCsv(`a,b,c\n${long(10_485_999)}${br}7,8,9${br}x${br}`, abc, { chunk })
      expect(one!.reason).toBe('record of 10485999 bytes, the limit is 1048576 (test.csv line 2)')
      expect(one!.raw!.length).toBe(VALUE_BYTES_MAX)
      expect(two!.value).toBe(good)
      expect(three!.reason).toContain('line 4')
    })

    test.each(['\n', '\r\n', ''])('is not one that is exactly as long as the limit, before %j', (br) => {
      const [one, two] = readCsv(`a,b,c\n${long(RECORD_BYTES_MAX)}${br}`, abc, { chunk })
      expect(one!.value!.length).toBe(RECORD_BYTES_MAX + '{"a":"","b":"","c":""}'.length - 2)
      expect(two).toBeUndefined()
    })

    test.each(['\n', '\r\n', ''])('is one byte longer than the limit, before %j', (br) => {
      const [one, two] = readCsv(`a,b,c\n${long(RECORD_BYTES_MAX + 1)}${br}`, abc, { chunk })
      expect(one!.reason).toBe('record of 1048577 bytes, the limit is 1048576 (test.csv line 2)')
      expect(two).toBeUndefined()
    })

    test('does not take the file with it when a quote is never closed', () => {
      const lines = '7,8,9\n'.repeat(400_000)
      const records = readCsv(`a,b,c\n1,"2,3\n${lines}`, abc, { chunk })
      expect(records[0]!.reason).toBe('unclosed quote (test.csv line 2)')
      expect(records.length).toBe(400_001)
      expect(records.every(({ value }, i) => i === 0 || value === good)).toBe(true)
    })

    test('may be one endless line in a quote', () => {
      const [one, two] = readCsv(`a,b,c\n1,"${'x'.repeat(2_000_000)}\n7,8,9\n`, abc, { chunk })
      expect(one!.reason).toBe('record of 2000003 bytes, the limit is 1048576 (test.csv line 2)')
      expect(two!.value).toBe(good)
    })

    test('may have cells with line breaks that are too long together', () => {
      const cell = `"${'x'.repeat(600_000)}\n"`
      const [one, ...rest] = readCsv(`a,b,c\n${cell},${cell},3\n7,8,9\n`, abc, { chunk })
      expect(one!.reason).toBe('record of more than 1048576 bytes (test.csv line 2)')
      expect(rest.at(-1)!.value).toBe(good)
    })
  })
})
