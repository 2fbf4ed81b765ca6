import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js'
import { expect, test } from 'vitest'
import { ThriftType, ThriftWriter } from '#parquet/thrift-writer.ts'

function written(write: (out: ThriftWriter) => void): Record<string, unknown> {
  const out = new ThriftWriter()
  out.begin()
  write(out)
  out.end()
  const bytes = out.take()
  return deserializeTCompactProtocol({ view: new DataView(bytes.buffer), offset: 0 })
}

test('fields of every type read back equal, with gaps between their ids', () => {
  const value = written((out) => {
    out.bool(1, true)
    out.bool(2, false)
    out.i16(3, -1)
    out.i32(20, -2147483648)
    out.i64(21, 2 ** 51)
    out.i64(22, -(2 ** 40) - 1)
    out.text(100, 'ä')
    out.struct(101)
    out.i32(1, 300)
    out.end()
    out.list(102, ThriftType.i32, 2)
    out.i32Element(5)
    out.i32Element(-5)
  })
  expect(value).toEqual({
    field_1: true,
    field_2: false,
    field_3: -1,
    field_20: -2147483648,
    field_21: 2n ** 51n,
    field_22: -(2n ** 40n) - 1n,
    field_100: new Uint8Array(Buffer.from('ä')),
    field_101: { field_1: 300 },
    field_102: [5, -5],
  })
})

test('a list of 15 and more elements reads back equal', () => {
  const texts = Array.from({ length: 200 }, (_, i) => `element ${i}`)
  const value = written((out) => {
    out.list(1, ThriftType.binary, texts.length)
    for (const text of texts) out.textElement(text)
  })
  expect((value['field_1'] as Uint8Array[]).map((bytes) => Buffer.from(bytes).toString())).toEqual(texts)
})

test('an empty list is refused: a reader of Delta tables fails on one', () => {
  expect(() => written((out) => out.list(1, ThriftType.i32, 0))).toThrow(
    'expected a list with elements: an empty one must be left out',
  )
})

test('fields out of order are refused', () => {
  const wrong = () =>
    written((out) => {
      out.i32(2, 1)
      out.i32(1, 1)
    })
  expect(wrong).toThrow('expected fields in ascending order, found 1 after 2')
})
