import { crc32c } from '@platformatic/kafka'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchOf, joinedChunks, sliceOf } from '#adapters/kafka/chunk.ts'
import { Cursor } from '#adapters/kafka/cursor.ts'
import { readBatches } from '#adapters/kafka/read-batches.ts'
import { readPosition } from '#adapters/kafka/record-headers.ts'
import { compressedBatch, stampBatch, writeBatch } from '#adapters/kafka/write-batch.ts'
import {
  keysOf,
  newRecords,
  numbered,
  offsetsOf,
  type TextRecord,
  valuesOf,
} from '../../contract/record-source-builders.ts'

const COUNT = 57
const ATTRIBUTES = 21
const MAGIC = 16

/** A batch as it lies in the log. */
function logged(
  records: readonly TextRecord[],
  baseOffset: number,
  edit: (batch: Buffer) => Buffer | undefined = () => undefined,
): Buffer {
  const written = writeBatch(newRecords(records), 1_000, undefined)
  const batch = edit(written) ?? written
  batch.writeBigInt64BE(BigInt(baseOffset), 0)
  return batch
}

const read = (...batches: Buffer[]) => readBatches('events', Buffer.concat(batches), [], 0)
const all = { start: 0, end: 0, full: false }
const recordsOf = (chunk: ReturnType<typeof read>) => batchOf('events', 0, chunk, { ...all, end: chunk.count })

const texts = fc.option(fc.string({ maxLength: 300, unit: 'binary' }), { nil: null })
const records = fc.array(
  fc.record({
    key: texts,
    value: texts,
    headers: fc.option(
      fc.array(
        fc.record({
          name: fc.string({ maxLength: 80 }),
          value: fc.option(fc.uint8Array({ maxLength: 80 }), { nil: null }),
        }),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
      { nil: null },
    ),
  }),
  { minLength: 1, maxLength: 30 },
)

describe('A record batch', () => {
  it('gives back what was written into it, plain or compressed', () => {
    fc.assert(
      fc.property(records, fc.boolean(), fc.integer({ min: 0, max: 2 ** 50 }), (given, packed, base) => {
        const chunk = read(logged(given, base, (batch) => (packed ? compressedBatch(batch) : batch)))
        const batch = recordsOf(chunk)
        const wellFormed = (text: string | null): string | null => text && Buffer.from(text).toString()
        expect(keysOf(batch)).toEqual(given.map(({ key }) => wellFormed(key)))
        expect(valuesOf(batch)).toEqual(given.map(({ value }) => wellFormed(value)))
        expect(offsetsOf(batch)).toEqual(given.map((_, i) => base + i))
        const headers = given.map((record) => record.headers)
        expect(batch.headers).toEqual(headers.every((list) => list === null) ? null : headers)
        expect(chunk.next).toBe(base + given.length)
      }),
    )
  })

  it('has a checksum over everything after it', () => {
    const batch = logged([{ value: 'a' }], 0)
    stampBatch(batch, { producer: 7n, epoch: 1, sequence: 5 })
    expect(batch.readUInt32BE(17)).toBe(crc32c(batch.subarray(21)))
    expect([batch.readBigInt64BE(43), batch.readInt16BE(51), batch.readInt32BE(53)]).toEqual([7n, 1, 5])
  })

  it('carries the position of its source on its last record, beside its own headers', () => {
    const given = newRecords([{ value: 'a' }, { value: 'b', headers: [{ name: 'h', value: null }] }])
    const chunk = read(writeBatch(given, 0, { source: 'größe', position: 2 ** 53 - 1 }))
    expect(readPosition(chunk.buffer, chunk.headerStarts[0]!)).toBeUndefined()
    expect(readPosition(chunk.buffer, chunk.headerStarts[1]!)).toEqual({ source: 'größe', position: 2 ** 53 - 1 })
    expect(recordsOf(chunk).headers).toEqual([null, [{ name: 'h', value: null }]])
  })

  it('that is cut off is left for the next fetch', () => {
    const whole = logged([{ value: 'a' }], 0)
    const cut = logged([{ value: 'b' }], 1)
    for (let length = 0; length < cut.length; length++) {
      const chunk = read(whole, cut.subarray(0, length))
      expect([chunk.count, chunk.next]).toEqual([1, 1])
    }
  })

  it('has the append time of the broker where the topic says so', () => {
    const batch = logged([{ value: 'a' }, { value: 'b' }], 0, (plain) => {
      plain.writeInt16BE(0b1000, ATTRIBUTES)
      plain.writeBigInt64BE(5_000n, 35)
      return plain
    })
    expect([...read(batch).timestamps]).toEqual([5_000, 5_000])
  })

  it.each([
    ['of another format', MAGIC, 1, 'found a batch of format 1'],
    ['of an unknown compression', ATTRIBUTES + 1, 7, 'found a batch with compression 7'],
    ['that counts more records than it has', COUNT + 3, 9, 'found a record that ends outside its batch at offset 0'],
  ])('%s is refused', (_, at, value, found) => {
    const batch = logged([{ value: 'a' }], 0)
    batch[at] = value
    expect(() => read(batch, logged([{ value: 'b'.repeat(200) }], 1))).toThrow(
      expect.objectContaining({
        code: 'TOPIC_CORRUPT',
        message: `Expected record batches of format 2 in topic "events", ${found}. Copy what can be read to a new topic.`,
      }),
    )
  })

  // offset        0  1 | 2  3 |  4  |  5 |  6  |  7
  // producer      7  7 | 9  9 | 7   |  7 | 7   |  -
  // what          data | data |abort|data|commit|data
  it('of an aborted transaction is left out, and those of others are not', () => {
    const transactional = (producer: bigint) => (batch: Buffer) => {
      stampBatch(batch, { producer, epoch: 0, sequence: 0 })
      batch.writeInt16BE(0b10000, ATTRIBUTES)
      return batch
    }
    const control = (batch: Buffer): Buffer => {
      stampBatch(batch, { producer: 7n, epoch: 0, sequence: 0 })
      batch.writeInt16BE(0b110000, ATTRIBUTES)
      return batch
    }
    const log = [
      logged([{ value: 'a' }, { value: 'b' }], 0, transactional(7n)),
      logged([{ value: 'c' }, { value: 'd' }], 2, transactional(9n)),
      logged([{ value: 'abort' }], 4, control),
      logged([{ value: 'e' }], 5, transactional(7n)),
      logged([{ value: 'commit' }], 6, control),
      logged([{ value: 'f' }], 7),
    ]
    const aborted = [{ producer: 7n, firstOffset: 0 }]
    const chunk = readBatches('events', Buffer.concat(log), aborted, 0)
    expect(valuesOf(recordsOf(chunk))).toEqual(['c', 'd', 'e', 'f'])
    expect(readBatches('events', Buffer.concat(log.slice(0, 1)), aborted, 0)).toMatchObject({ count: 0, next: 2 })
  })
})

describe('Two chunks', () => {
  it('become one that slices like a single fetch would', () => {
    fc.assert(
      fc.property(records, records, fc.nat(30), (left, right, at) => {
        const first = read(logged(left, 0))
        const start = Math.min(at, left.length)
        const joined = joinedChunks(first, start, read(logged(right, left.length)))
        const whole = read(logged(left, 0), logged(right, left.length))
        for (const maxBytes of [1, 50, 500, 100_000]) {
          const limits = { maxRecords: 20, maxBytes }
          const [one, other] = [sliceOf(joined, start, limits), sliceOf(whole, start, limits)]
          expect(one.full).toBe(other.full)
          const [a, b] = [batchOf('events', 0, joined, one), batchOf('events', 0, whole, other)]
          expect([keysOf(a), valuesOf(a), offsetsOf(a), a.headers]).toEqual([
            keysOf(b),
            valuesOf(b),
            offsetsOf(b),
            b.headers,
          ])
        }
      }),
    )
  })

  it('share no bytes with those they came from', () => {
    const first = read(writeBatch(numbered('a', 2), 0, undefined))
    const joined = joinedChunks(first, 1, read(logged([{ value: 'b' }], 2)))
    first.buffer.fill(0)
    expect(valuesOf(recordsOf(joined))).toEqual(['a1', 'b'])
  })
})

describe('A variable-length number', () => {
  it.each([
    [[0], 0],
    [[1], -1],
    [[0x7e], 63],
    [[0x80, 0x01], 64],
    [[0xff, 0x01], -128],
    [[0xfe, 0xff, 0xff, 0xff, 0x0f], 2 ** 31 - 1],
    [[0xff, 0xff, 0xff, 0xff, 0x0f], -(2 ** 31)],
    [[0x80, 0xa0, 0xab, 0xfe, 0xf9, 0x62], 1_700_000_000_000],
  ])('written as %j is %d', (bytes, value) => {
    const cursor = new Cursor(Uint8Array.from(bytes), 0)
    expect([cursor.varint(), cursor.at]).toEqual([value, bytes.length])
  })
})
