import { describe, expect, test } from 'vitest'
import { JsonLinesReader } from '#local/inputs-json-lines.ts'
import { PropertyFinder } from '#local/inputs-property.ts'
import type { Fields } from '#schema/column.ts'
import { END, MALFORMED, NEED_MORE, RECORD } from '#schema/csv-limits.ts'

const fields: Fields = [{ name: 'k', column: { kind: 'string', nullable: false } }]
const decoder = new TextDecoder()

function read(
  text: string,
  chunk = text.length,
): readonly { key: string | null; value: string | null; reason: string | null }[] {
  const bytes = new TextEncoder().encode(text)
  const reader = new JsonLinesReader('x.jsonl', fields, 'k', 1)
  const found: { key: string | null; value: string | null; reason: string | null }[] = []
  let at = 0
  let end = Math.min(chunk, bytes.length)
  for (;;) {
    const status = reader.next(bytes, at, end, end === bytes.length)
    at = reader.end
    if (status === END) return found
    if (status === NEED_MORE) end = Math.min(bytes.length, end + chunk)
    else if (status === MALFORMED) found.push({ key: null, value: null, reason: reader.reason })
    else if (status === RECORD) {
      const buffer = new Uint8Array(reader.room)
      const length = reader.write({ buffer, view: new DataView(buffer.buffer) }, 0)
      const key =
        reader.keyBuffer === null ? null : decoder.decode(reader.keyBuffer.subarray(reader.keyStart, reader.keyEnd))
      found.push({ key, value: decoder.decode(buffer.subarray(0, length)), reason: null })
    }
  }
}

describe('JSON lines', () => {
  test.each([1, 7, 1000])('are values as they are, in chunks of %d bytes', (chunk) => {
    const values = read('{"k":"1"}\r\n\n not json\n\r\n{"k":2}', chunk).map(({ value }) => value)
    expect(values).toEqual(['{"k":"1"}', ' not json', '{"k":2}'])
  })

  test.each([65_536, 1_000_000, 10_000_000])('that are too long are malformed, in chunks of %d bytes', (chunk) => {
    const found = read(
      `{"k":"1"}\n${'x'.repeat(1_048_577)}\r\n${'x'.repeat(1_048_576)}\r\n{"k":"2"}\n${'x'.repeat(3_000_000)}`,
      chunk,
    )
    expect(found.map(({ reason }) => reason)).toEqual([
      null,
      'record of 1048577 bytes, the limit is 1048576 (x.jsonl line 2)',
      null,
      null,
      'record of 3000000 bytes, the limit is 1048576 (x.jsonl line 5)',
    ])
  })

  test('have the text of the key property as their key', () => {
    expect(read('{"k":"011"}\n{"a":1}\n{"k":null}\n{"k":""}').map(({ key }) => key)).toEqual(['011', null, null, ''])
  })
})

describe('PropertyFinder', () => {
  const find = (text: string, name = 'k'): string | null => {
    const finder = new PropertyFinder(name)
    const bytes = new TextEncoder().encode(`..${text}..`)
    return finder.find(bytes, 2, bytes.length - 2)
      ? decoder.decode(finder.buffer.subarray(finder.start, finder.end))
      : null
  }

  test.each([
    ['{"k":"v"}', 'v'],
    [' { "a" : [1,{"k":"inner"}] , "k" : 12.5 } ', '12.5'],
    ['{"a":"\\"k\\":1,","k":true}', 'true'],
    ['{"a":{"k":1},"b":"}","k":"v","k":"w"}', 'v'],
    ['{"k":"a\\u00e9\\n\\"b"}', 'aé\n"b'],
    ['{"\\u006b":"v"}', 'v'],
    ['{"k":{"x":[1,2]}}', '{"x":[1,2]}'],
    ['{"k":"é😀"}', 'é😀'],
    ['{"k":""}', ''],
    ['{"k":"bad \\q"}', 'bad \\q'],
  ])('finds the value in %s', (text, value) => {
    expect(find(text)).toBe(value)
  })

  test.each([
    '',
    '{}',
    '[]',
    '"k"',
    '{"a":1}',
    '{"k":null}',
    '{"k":',
    '{"k"',
    '{k:1}',
    '{"a":{"k":1}}',
    '{"a" 1,"k":2}',
  ])('finds nothing in %s', (text) => {
    expect(find(text)).toBeNull()
  })

  test('does not look beyond the line', () => {
    const finder = new PropertyFinder('k')
    const bytes = new TextEncoder().encode('{"a":"x","k":"v"}')
    for (let stop = 0; stop < 9; stop++) expect(finder.find(bytes, 0, stop)).toBe(false)
  })
})
