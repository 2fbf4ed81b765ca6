import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { TopicLog, TopicLogReader } from '#local/topic-log.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { RecordPacker } from '#schema/record-packer.ts'
import { ManualClock, newRecords, numbered, offsetsOf, valuesOf } from '../../contract/record-source-builders.ts'
import { temporaryFolder } from '../../support/temp.ts'

const PLENTY = { maxRecords: 100_000, maxBytes: 100_000_000 }
const clock = new ManualClock()

function openLog(folder: string, partitions = 1): TopicLog {
  const log = TopicLog.open({ folder, name: 'events', partitions, clock })
  onTestFinished(() => log.close())
  return log
}

function openReader(folder: string): TopicLogReader {
  const reader = TopicLogReader.open({ folder, name: 'events', clock })
  onTestFinished(() => reader.close())
  return reader
}

const firstSegment = (folder: string, partition = 0): string =>
  join(folder, 'events', String(partition), '00000000000000000000.log')

const allValues = async (log: { read: TopicLog['read'] }): Promise<(string | null)[]> =>
  valuesOf(await log.read(0, 0, PLENTY))

const codeOf = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('expected an error')
}

/** Values of `bytes` bytes each: large batches in few records. */
const large = (count: number, bytes: number): ReturnType<typeof newRecords> =>
  newRecords(Array.from({ length: count }, (_, i) => ({ value: String(i).padStart(bytes, '.') })))

describe('A topic log that is opened again', () => {
  it('has its records, offsets, append times, positions and commits', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder, 2)
    await log.append(0, numbered('a', 3), { source: 'file', position: 30 })
    await log.append(1, numbered('b', 1), { source: 'file', position: 40 })
    await log.commit('g', 0, 2)
    await log.close()
    const again = openLog(folder, 2)
    expect(await allValues(again)).toEqual(['a0', 'a1', 'a2'])
    expect(await again.positions('file')).toEqual([30, 40])
    expect(await again.committed('g')).toEqual(new Map([[0, 2]]))
    await again.append(0, numbered('c', 1))
    expect(offsetsOf(await again.read(0, 0, PLENTY))).toEqual([0, 1, 2, 3])
  })

  it('keeps its id, and grows when more partitions are asked for', async () => {
    const folder = temporaryFolder()
    await openLog(folder, 2).append(1, numbered('a', 1))
    const describe = (): { id: string; partitions: number } =>
      JSON.parse(readFileSync(join(folder, 'events', 'topic.json'), 'utf8'))
    const { id } = describe()
    const grown = openLog(folder, 5)
    await grown.append(4, numbered('b', 1))
    expect([grown.partitions, await grown.partitionCount()]).toEqual([5, 5])
    expect(valuesOf(await grown.read(1, 0, PLENTY))).toEqual(['a0'])
    expect(describe()).toMatchObject({ id, partitions: 5 })
  })

  it('refuses fewer partitions', () => {
    const folder = temporaryFolder()
    openLog(folder, 6)
    expect(codeOf(() => openLog(folder, 4))).toMatchObject({
      code: 'TOPIC_PARTITIONS_MISMATCH',
      message:
        'Expected at least 6 partitions for topic "events", which has that many, found 4. ' +
        'A topic grows but never shrinks: ask for 6 or more, or choose another --data folder.',
    })
  })

  it('refuses a damaged topic.json', () => {
    const folder = temporaryFolder()
    openLog(folder)
    const file = join(folder, 'events', 'topic.json')
    truncateSync(file, 20)
    const expected = { code: 'TOPIC_CORRUPT', message: expect.stringContaining(`${file}, found something else`) }
    expect(codeOf(() => openLog(folder))).toMatchObject(expected)
    expect(codeOf(() => openReader(folder))).toMatchObject(expected)
  })

  it.each(['', '.', '..', 'a/b', 'ä', 'x'.repeat(250)])('refuses the name %j', (name) => {
    const open = (): unknown => TopicLog.open({ folder: temporaryFolder(), name, partitions: 1, clock })
    expect(codeOf(open)).toMatchObject({ code: 'NAME_INVALID', message: expect.stringContaining(`found "${name}"`) })
  })

  it.each([0, -1, 1.5])('refuses %d partitions', (partitions) => {
    expect(codeOf(() => openLog(temporaryFolder(), partitions))).toMatchObject({ code: 'PLAN_INVALID' })
  })
})

describe('Segments', () => {
  it('roll at 64 MB, and a read goes on over their border', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder)
    for (let i = 0; i < 5; i++) await log.append(0, large(2, 12 * 1024 * 1024))
    expect(readdirSync(join(folder, 'events', '0')).sort()).toEqual([
      '00000000000000000000.log',
      '00000000000000000004.log',
      '00000000000000000008.log',
    ])
    for (const source of [log, openReader(folder), openLog(folder)]) {
      const batch = await source.read(0, 3, { maxRecords: 3, maxBytes: 100_000_000 })
      expect(offsetsOf(batch)).toEqual([3, 4, 5])
      expect(valuesOf(batch).map((value) => value!.at(-1))).toEqual(['1', '0', '1'])
    }
  })

  it('of which one is missing are damage: its followers are not passed off as the next records', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder)
    for (let i = 0; i < 3; i++) await log.append(0, large(1, 40 * 1024 * 1024))
    await log.close()
    rmSync(join(folder, 'events', '0', '00000000000000000001.log'))
    const file = join(folder, 'events', '0', '00000000000000000002.log')
    expect(codeOf(() => openLog(folder))).toMatchObject({ code: 'TOPIC_CORRUPT', details: { file, byte: 0 } })
  })

  it('may be missing in front: reading begins at the first that is there', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder)
    for (let i = 0; i < 2; i++) await log.append(0, large(1, 40 * 1024 * 1024))
    await log.close()
    rmSync(firstSegment(folder))
    expect(offsetsOf(await openLog(folder).read(0, 0, PLENTY))).toEqual([1])
  })

  it('must be whole unless they are the last', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder)
    for (let i = 0; i < 2; i++) await log.append(0, large(1, 40 * 1024 * 1024))
    await log.close()
    truncateSync(firstSegment(folder), 1_000_000)
    const details = { file: firstSegment(folder), byte: 0 }
    expect(codeOf(() => openLog(folder))).toMatchObject({ code: 'TOPIC_CORRUPT', details })
  })
})

describe('Offsets above 2^53', () => {
  it('are refused on append', async () => {
    const folder = temporaryFolder()
    await openLog(folder).close()
    writeFileSync(join(folder, 'events', '0', '00009007199254740989.log'), '')
    const log = openLog(folder)
    await log.append(0, numbered('a', 1))
    expect(offsetsOf(await log.read(0, 0, PLENTY))).toEqual([9_007_199_254_740_989])
    await expect(log.append(0, numbered('b', 2))).rejects.toMatchObject({
      code: 'OFFSET_TOO_LARGE',
      message:
        'partition 0 of topic "events": offsets up to 2^53 - 1 can be held exactly, found 9007199254740992. Start a new topic.',
    })
    expect(await log.endOffset(0)).toBe(9_007_199_254_740_990)
  })

  it('are refused on open', async () => {
    const folder = temporaryFolder()
    await openLog(folder).close()
    writeFileSync(join(folder, 'events', '0', '00009007199254740992.log'), '')
    expect(codeOf(() => openLog(folder))).toMatchObject({ code: 'OFFSET_TOO_LARGE' })
  })
})

describe('Two consumers of one log', () => {
  it('get the same object for the same read', async () => {
    const log = openLog(temporaryFolder())
    for (let i = 0; i < 4; i++) await log.append(0, numbered('a', 10))
    const limits = { maxRecords: 15, maxBytes: 1_000 }
    const first = await log.read(0, 0, limits)
    const second = await log.read(0, 15, limits)
    expect(await log.read(0, 0, { ...limits })).toBe(first)
    expect(await log.read(0, 15, limits)).toBe(second)
    expect(await log.read(0, 15, { ...limits, maxRecords: 14 })).not.toBe(second)
  })

  it('get the same object at the end of the log, until there is more', async () => {
    const log = openLog(temporaryFolder())
    await log.append(0, numbered('a', 3))
    const first = await log.read(0, 0, PLENTY)
    expect(await log.read(0, 0, PLENTY)).toBe(first)
    await log.append(0, numbered('b', 1))
    expect(valuesOf(await log.read(0, 0, PLENTY))).toEqual(['a0', 'a1', 'a2', 'b0'])
  })

  it('share the memory of a large batch that they read in small parts', async () => {
    const log = openLog(temporaryFolder())
    await log.append(0, numbered('a', 1_000))
    const parts: RecordBatch[] = []
    for (let from = 0; from < 1_000; from += 10)
      parts.push((await log.read(0, from, { maxRecords: 10, maxBytes: 1_000 }))!)
    expect(new Set(parts.map(({ buffer }) => buffer)).size).toBe(1)
    expect(parts.flatMap(valuesOf)).toEqual(Array.from({ length: 1_000 }, (_, i) => `a${i}`))
  })
})

describe('A follower of a topic log', () => {
  it('sees appends, new segments and new partitions of the writer', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder)
    const reader = openReader(folder)
    expect(await reader.read(0, 0, PLENTY)).toBeUndefined()
    for (let i = 0; i < 4; i++) {
      await log.append(0, large(1, 24 * 1024 * 1024))
      expect(await reader.endOffset(0)).toBe(i + 1)
      expect(offsetsOf(await reader.read(0, i, PLENTY))).toEqual([i])
    }
    expect(readdirSync(join(folder, 'events', '0'))).toHaveLength(2)
    await log.close()
    await openLog(folder, 3).append(2, numbered('new', 1))
    expect(await reader.partitionCount()).toBe(3)
    expect(valuesOf(await reader.read(2, 0, PLENTY))).toEqual(['new0'])
  })

  it('forgets a tail that the writer has dropped', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder)
    await log.append(0, numbered('a', 1))
    const kept = readFileSync(firstSegment(folder)).length
    await log.append(0, numbered('lost', 2))
    const reader = openReader(folder)
    expect(await reader.endOffset(0)).toBe(3)
    await log.close()
    truncateSync(firstSegment(folder), kept)
    expect(await reader.endOffset(0)).toBe(1)
    await openLog(folder).append(0, numbered('b', 1))
    expect(await allValues(reader)).toEqual(['a0', 'b0'])
  })

  it('shares commits with the writer', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder, 2)
    const reader = openReader(folder)
    await reader.commit('g', 1, 5)
    await log.commit('g', 0, 4)
    await reader.commit('g', 1, 6)
    expect(await log.committed('g')).toEqual(
      new Map([
        [0, 4],
        [1, 6],
      ]),
    )
    expect(await reader.committed('g')).toEqual(await log.committed('g'))
  })

  it('needs a topic that is there', () => {
    const folder = temporaryFolder()
    expect(codeOf(() => openReader(folder))).toMatchObject({
      code: 'TOPIC_NOT_FOUND',
      message:
        `Expected topic "events" in ${join(folder, 'events')}, found none. ` +
        'Start what feeds it first, or choose the --data folder that has it.',
    })
  })
})

describe('Records', () => {
  it('from a packer are written as they lie, again and again from the same arrays', async () => {
    const log = openLog(temporaryFolder())
    const packer = new RecordPacker()
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100; i++) {
        const value = Buffer.from(`${round}/${i}`)
        packer.add(i % 2 === 0 ? value : null, 0, value.length, i % 7 === 0 ? null : value, 0, value.length)
      }
      await log.append(0, packer.take())
      packer.reset()
    }
    const values = valuesOf(await log.read(0, 0, PLENTY))
    expect(values[0]).toBeNull()
    expect(values.slice(1, 3)).toEqual(['0/1', '0/2'])
    expect(values.slice(-2)).toEqual([null, '2/99'])
  })

  it('outside of their buffer are refused, and nothing is written', async () => {
    const log = openLog(temporaryFolder())
    const records = numbered('a', 2)
    records.valueEnds[1] = 1_000
    await expect(log.append(0, records)).rejects.toThrow('value of record 1 lies outside the buffer')
    await log.append(0, numbered('b', 1))
    expect(await allValues(log)).toEqual(['b0'])
  })
})
