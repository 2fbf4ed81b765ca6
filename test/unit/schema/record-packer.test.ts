import { describe, expect, test } from 'vitest'
import type { NewRecords } from '#schema/record-batch.ts'
import { RecordPacker } from '#schema/record-packer.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function texts(records: NewRecords): readonly (readonly [string | null, string | null])[] {
  const text = (start: number, end: number): string | null =>
    start < 0 ? null : new TextDecoder().decode(records.buffer.subarray(start, end))
  return Array.from({ length: records.count }, (_, i) => [
    text(records.keyStarts[i]!, records.keyEnds[i]!),
    text(records.valueStarts[i]!, records.valueEnds[i]!),
  ])
}

function add(packer: RecordPacker, key: string | null, value: string | null): void {
  const keyBytes = key === null ? null : bytes(key)
  const valueBytes = value === null ? null : bytes(value)
  packer.add(keyBytes, 0, keyBytes?.length ?? 0, valueBytes, 0, valueBytes?.length ?? 0)
}

describe('RecordPacker', () => {
  test('keeps keys, values, missing keys and tombstones apart', () => {
    const packer = new RecordPacker()
    add(packer, 'k', 'value')
    add(packer, null, 'no key')
    add(packer, '', '')
    add(packer, 'gone', null)
    expect(packer.count).toBe(4)
    expect(packer.bytes).toBe('kvalueno keygone'.length)
    expect(texts(packer.take())).toEqual([
      ['k', 'value'],
      [null, 'no key'],
      ['', ''],
      ['gone', null],
    ])
  })

  test('takes ranges of larger buffers', () => {
    const packer = new RecordPacker()
    packer.add(bytes('..key..'), 2, 5, bytes('..value..'), 2, 7)
    expect(texts(packer.take())).toEqual([['key', 'value']])
  })

  test('takes a value that is written in place, as long as it turns out to be', () => {
    const packer = new RecordPacker()
    const key = bytes('k')
    const at = packer.begin(key, 0, 1, 100)
    packer.buffer.set(bytes('abc'), at)
    packer.end(at + 3)
    add(packer, null, 'next')
    expect(texts(packer.take())).toEqual([
      ['k', 'abc'],
      [null, 'next'],
    ])
  })

  test('adds nothing when a record is begun and not ended', () => {
    const packer = new RecordPacker()
    add(packer, 'a', '1')
    packer.begin(bytes('lost'), 0, 4, 1000)
    add(packer, 'b', '2')
    expect(texts(packer.take())).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
  })

  test('grows for many records and for large ones', () => {
    const packer = new RecordPacker()
    const expected: [string, string][] = []
    for (let i = 0; i < 500; i++) {
      const value = 'v'.repeat((i * 37) % 400)
      add(packer, `k${i}`, value)
      expected.push([`k${i}`, value])
    }
    add(packer, 'large', 'x'.repeat(200_000))
    expected.push(['large', 'x'.repeat(200_000)])
    expect(texts(packer.take())).toEqual(expected)
  })

  test('has headers only when a record has', () => {
    const packer = new RecordPacker()
    add(packer, null, 'plain')
    expect(packer.take().headers).toBeNull()
    const header = [{ name: 'h', value: bytes('1') }]
    add(packer, null, 'plain')
    packer.add(null, 0, 0, bytes('v'), 0, 1, header)
    add(packer, null, 'plain')
    expect(packer.take().headers).toEqual([null, header, null])
  })

  test('leaves the arrays it handed over alone when adding goes on', () => {
    const packer = new RecordPacker()
    add(packer, 'a', 'first')
    const first = packer.take()
    expect(packer.count).toBe(0)
    expect(packer.bytes).toBe(0)
    add(packer, 'b', 'second')
    expect(texts(first)).toEqual([['a', 'first']])
    expect(texts(packer.take())).toEqual([['b', 'second']])
  })

  test('uses its arrays again after a reset', () => {
    const packer = new RecordPacker()
    add(packer, 'a', 'first')
    const first = packer.take()
    packer.reset()
    add(packer, 'b', 'second')
    const second = packer.take()
    expect(second.buffer).toBe(first.buffer)
    expect(texts(second)).toEqual([['b', 'second']])
  })

  test('lets go of a very large buffer at a reset', () => {
    const packer = new RecordPacker()
    add(packer, null, 'x'.repeat(5_000_000))
    packer.reset()
    expect(packer.buffer.length).toBeLessThan(1_000_000)
  })

  test('gives no records when it is taken twice', () => {
    const packer = new RecordPacker()
    add(packer, 'a', 'first')
    packer.take()
    expect(packer.take().count).toBe(0)
  })
})
