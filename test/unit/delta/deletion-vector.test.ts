import { describe, expect, it } from 'vitest'
import type { DeletionVector } from '#delta/actions.ts'
import { crc32 } from '#delta/crc32.ts'
import { readDeletionVector } from '#delta/deletion-vector.ts'
import { LogPaths } from '#delta/log.ts'
import { RowSet } from '#delta/row-set.ts'
import { writeDataFile } from '#delta/table.ts'
import { decodeZ85 } from '#delta/z85.ts'
import { encodeRows, encodeZ85, vectorFile } from '../../support/roaring.ts'
import { batchOf, createTable, foreignCommit, lake, TABLE } from './fixtures.ts'

const UUID = '01234567-89ab-cdef-0123-456789abcdef'
const UUID_TEXT = encodeZ85(Buffer.from(UUID.replaceAll('-', ''), 'hex'))
const PATHS = new LogPaths(TABLE)
const ROWS = [0, 2, 70_000]

const inline = (rows: readonly number[]): DeletionVector => {
  const bytes = encodeRows(rows)
  return { storageType: 'i', pathOrInlineDv: encodeZ85(bytes), sizeInBytes: bytes.length, cardinality: rows.length }
}

async function stored(change: (file: Uint8Array) => Uint8Array = (file) => file) {
  const { memory } = lake()
  const bitmap = encodeRows(ROWS)
  await memory.put(`${TABLE}/ab/deletion_vector_${UUID}.bin`, change(vectorFile(bitmap)))
  const vector = {
    storageType: 'u',
    pathOrInlineDv: `ab${UUID_TEXT}`,
    offset: 1,
    sizeInBytes: bitmap.length,
    cardinality: 3,
  }
  return { memory, vector }
}

describe('a deletion vector', () => {
  it('is read from the log', async () => {
    const { memory } = lake()
    expect([...(await readDeletionVector(memory, PATHS, inline(ROWS)))]).toEqual(ROWS)
  })

  it('is read from a file of the table', async () => {
    const { memory, vector } = await stored()
    expect([...(await readDeletionVector(memory, PATHS, vector))]).toEqual(ROWS)
  })

  it('is read from a file with an absolute path', async () => {
    const { memory, vector } = await stored()
    const pathOrInlineDv = `${memory.uri}/${TABLE}/ab/deletion_vector_${UUID}.bin`
    const rows = await readDeletionVector(memory, PATHS, { ...vector, storageType: 'p', pathOrInlineDv })
    expect([...rows]).toEqual(ROWS)
  })

  it('that fails its checksum is DELTA_VECTOR_CORRUPT', async () => {
    const { memory, vector } = await stored((file) => file.with(file.length - 5, 7))
    await expect(readDeletionVector(memory, PATHS, vector)).rejects.toMatchObject({
      code: 'DELTA_VECTOR_CORRUPT',
      message: expect.stringMatching(
        `^Expected a deletion vector of ${TABLE} at ${TABLE}/ab/deletion_vector_${UUID}.bin, but it is damaged: expected the CRC-32 [0-9a-f]{8}, found [0-9a-f]{8}. Restore it`,
      ),
    })
  })

  it.each<[string, (file: Uint8Array) => Uint8Array, string]>([
    ['cut off', (file) => file.subarray(0, 20), 'bytes at 1, found 19'],
    ['another size', (file) => file.with(4, 9), 'expected a size of'],
  ])('in a file with %s is DELTA_VECTOR_CORRUPT', async (_, change, found) => {
    const { memory, vector } = await stored(change)
    await expect(readDeletionVector(memory, PATHS, vector)).rejects.toMatchObject({
      code: 'DELTA_VECTOR_CORRUPT',
      message: expect.stringContaining(found),
    })
  })

  it.each<[string, Partial<DeletionVector>, string]>([
    ['of another cardinality', { cardinality: 2 }, 'expected 2 rows, found 3'],
    ['of an unknown kind', { storageType: 'x' }, 'expected a storage type of u, i or p and its path, found x'],
    ['that is cut off', { sizeInBytes: 4000 }, 'expected 4000 bytes'],
    ['in other characters', { pathOrInlineDv: '~~~~~' }, 'expected a character of Z85'],
    ['of other bytes', { pathOrInlineDv: '00000'.repeat(20) }, 'expected a bitmap with magic 1681511377, found 0'],
  ])('in the log %s is DELTA_VECTOR_CORRUPT', async (_, change, found) => {
    const { memory } = lake()
    await expect(readDeletionVector(memory, PATHS, { ...inline(ROWS), ...change })).rejects.toMatchObject({
      code: 'DELTA_VECTOR_CORRUPT',
      message: expect.stringContaining(found),
    })
  })

  it('hides rows, and says where the others are in their file', async () => {
    const { deps, memory } = lake()
    const ports = deps()
    const table = await createTable(ports)
    const add = await writeDataFile(ports, TABLE, batchOf([0, 1, 2, 3].map((id) => [id, `d${id}`])))
    const protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['deletionVectors'],
      writerFeatures: ['deletionVectors'],
    }
    await foreignCommit(memory, 1, [{ protocol }, { add: { ...add, deletionVector: inline([0, 2]) } }])
    const rows = []
    for await (const run of (await table.snapshot()).rows()) rows.push(...run)
    expect(rows).toEqual([
      { id: 1, district: 'd1' },
      { id: 3, district: 'd3' },
    ])
  })
})

describe('Z85 and CRC-32', () => {
  it('are those of their standards', () => {
    expect(decodeZ85('HelloWorld')).toEqual(Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b))
    expect(() => decodeZ85('#####Hello')).toThrow('expected 4 bytes')
    expect(() => decodeZ85('###$$')).toThrow('expected 4 bytes')
    expect(decodeZ85('Hello##093')).toEqual(Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 3, 0))
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf4_3926)
  })
})

describe('a set of rows', () => {
  it('may have more values than an array container, and rows beyond 2^32', () => {
    const rows = [...Array.from({ length: 5_000 }, (_, at) => at * 2), 2 ** 33 + 5]
    const set = RowSet.decode(encodeRows(rows))
    expect([...set]).toEqual(rows)
    expect(set.size).toBe(rows.length)
    expect([set.has(1), set.has(9_998), set.has(2 ** 33 + 5), set.has(2 ** 33)]).toEqual([false, true, true, false])
  })

  it('that is cut off is refused', () => {
    const bytes = encodeRows(ROWS)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => RowSet.decode(bytes.subarray(0, length))).toThrow(RangeError)
    }
  })
})
