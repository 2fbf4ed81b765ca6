import { describe, expect, it, onTestFinished } from 'vitest'
import type { RecordSource, TopicWriter } from '#ports/record-source.ts'
import { keysOf, type ManualClock, newRecords, numbered, offsetsOf, valuesOf } from './record-source-builders.ts'

export interface TopicUnderTest {
  /** Where it can't be "events". */
  readonly name?: string
  readonly source: RecordSource
  readonly writer: TopicWriter
  readonly clock: ManualClock
  /** Makes the next offset of a partition jump, where the adapter can do so. */
  readonly skipOffsets?: (partition: number, count: number) => void
  close(): Promise<void>
}

const PLENTY = { maxRecords: 10_000, maxBytes: 1_000_000 }

/** What every RecordSource and TopicWriter does. `open` gives an empty topic "events" with three partitions. */
export function recordSourceContract(name: string, open: () => Promise<TopicUnderTest>): void {
  const opened = async (): Promise<TopicUnderTest> => {
    const topic = await open()
    onTestFinished(() => topic.close())
    return topic
  }

  describe(`${name}, as a record source and topic writer,`, () => {
    it('knows its name and its partitions', async () => {
      const { source, writer, name = 'events' } = await opened()
      expect([source.topic, writer.topic, await source.partitionCount(), writer.partitions]).toEqual([name, name, 3, 3])
    })

    it('has nothing to read in the beginning', async () => {
      const { source } = await opened()
      expect(await source.endOffset(0)).toBe(0)
      expect(await source.read(0, 0, PLENTY)).toBeUndefined()
      expect(await source.committed('g')).toEqual(new Map())
    })

    it('knows all end offsets as they stand after the call', async () => {
      const { source, writer } = await opened()
      expect(await source.endOffsets()).toEqual([0, 0, 0])
      await source.endOffset(2)
      await writer.append(2, numbered('a', 3))
      await writer.append(0, numbered('b', 1))
      expect(await source.endOffsets()).toEqual([1, 0, 3])
    })

    it('gives back records in order, with offsets and append times', async () => {
      const { source, writer, clock, name = 'events' } = await opened()
      await writer.append(1, numbered('a', 2))
      clock.advance(500)
      await writer.append(1, numbered('b', 2))
      const batch = await source.read(1, 0, PLENTY)
      expect(batch).toMatchObject({ topic: name, partition: 1, count: 4, headers: null })
      expect(offsetsOf(batch)).toEqual([0, 1, 2, 3])
      expect([...batch!.timestamps]).toEqual([1_000, 1_000, 1_500, 1_500])
      expect(valuesOf(batch)).toEqual(['a0', 'a1', 'b0', 'b1'])
      expect(await source.endOffset(1)).toBe(4)
      expect(await source.read(0, 0, PLENTY)).toBeUndefined()
    })

    it.each(['packed', 'scattered'] as const)(
      'tells null from empty, for keys and values, when they lie %s',
      async (layout) => {
        const { source, writer } = await opened()
        const records = [
          { key: null, value: null },
          { key: '', value: '' },
          { key: 'k', value: null },
          { key: null, value: 'v' },
          { key: 'schlüssel', value: '値' },
        ]
        await writer.append(0, newRecords(records, layout))
        const batch = await source.read(0, 0, PLENTY)
        expect(keysOf(batch)).toEqual(records.map(({ key }) => key))
        expect(valuesOf(batch)).toEqual(records.map(({ value }) => value))
      },
    )

    it('keeps headers: order, repeated names, null, empty and binary values', async () => {
      const { source, writer } = await opened()
      const headers = [
        { name: 'trace', value: Uint8Array.of(0, 255, 128) },
        { name: 'trace', value: null },
        { name: 'größe', value: Uint8Array.of() },
      ]
      await writer.append(0, newRecords([{ value: 'a' }, { value: 'b', headers }, { value: 'c', headers: [] }]))
      await writer.append(0, newRecords([{ value: 'd' }]))
      const batch = await source.read(0, 0, PLENTY)
      const found = batch!.headers!.map((list) => list?.map(({ name, value }) => [name, value && [...value]]) ?? null)
      expect(found).toEqual([
        null,
        [
          ['trace', [0, 255, 128]],
          ['trace', null],
          ['größe', []],
        ],
        null,
        null,
      ])
      expect((await source.read(0, 2, PLENTY))!.headers).toBeNull()
      expect(valuesOf(batch)).toEqual(['a', 'b', 'c', 'd'])
    })

    it('begins a read at any offset and ends it at any number of records', async () => {
      const { source, writer } = await opened()
      for (const prefix of ['a', 'b', 'c']) await writer.append(0, numbered(prefix, 4))
      const all = ['a0', 'a1', 'a2', 'a3', 'b0', 'b1', 'b2', 'b3', 'c0', 'c1', 'c2', 'c3']
      for (let from = 0; from < 12; from++) {
        for (let maxRecords = 1; maxRecords <= 13; maxRecords++) {
          const batch = await source.read(0, from, { maxRecords, maxBytes: 1_000_000 })
          expect(valuesOf(batch)).toEqual(all.slice(from, from + maxRecords))
          expect(batch!.offsets[0]).toBe(from)
        }
      }
      expect(await source.read(0, 12, PLENTY)).toBeUndefined()
    })

    it('ends a read before it has too many bytes, but never without a record', async () => {
      const { source, writer } = await opened()
      await writer.append(0, newRecords([{ value: 'x'.repeat(100) }, { key: 'k'.repeat(50), value: 'y'.repeat(50) }]))
      await writer.append(0, newRecords([{ value: 'z'.repeat(100) }]))
      const read = async (from: number, maxBytes: number): Promise<number[]> =>
        offsetsOf(await source.read(0, from, { maxRecords: 10, maxBytes }))
      expect(await read(0, 1)).toEqual([0])
      expect(await read(0, 199)).toEqual([0])
      expect(await read(0, 200)).toEqual([0, 1])
      expect(await read(1, 200)).toEqual([1, 2])
      expect(await read(0, 300)).toEqual([0, 1, 2])
    })

    it('gives the same records for the same range again', async () => {
      const { source, writer } = await opened()
      await writer.append(0, numbered('a', 10))
      const first = await source.read(0, 3, { maxRecords: 4, maxBytes: 1_000 })
      await writer.append(0, numbered('b', 10))
      const again = await source.read(0, 3, { maxRecords: 4, maxBytes: 1_000 })
      expect(valuesOf(again)).toEqual(valuesOf(first))
    })

    it('sees what was appended after a read that reached the end', async () => {
      const { source, writer } = await opened()
      await writer.append(0, numbered('a', 1))
      expect(valuesOf(await source.read(0, 0, PLENTY))).toEqual(['a0'])
      await writer.append(0, numbered('b', 1))
      expect(valuesOf(await source.read(0, 0, PLENTY))).toEqual(['a0', 'b0'])
    })

    it('reads over gaps between offsets', async ({ skip }) => {
      const { source, writer, skipOffsets } = await opened()
      if (skipOffsets === undefined) return skip()
      skipOffsets(0, 5)
      await writer.append(0, numbered('a', 2))
      skipOffsets(0, 10)
      await writer.append(0, numbered('b', 2))
      expect(offsetsOf(await source.read(0, 0, PLENTY))).toEqual([5, 6, 17, 18])
      expect(offsetsOf(await source.read(0, 7, PLENTY))).toEqual([17, 18])
      skipOffsets(0, 3)
      expect(await source.endOffset(0)).toBe(22)
      expect(await source.read(0, 19, PLENTY)).toBeUndefined()
    })

    it('remembers what each group committed of each partition', async () => {
      const { source } = await opened()
      await source.commit('g', 2, 7)
      await source.commit('g', 0, 0)
      await source.commit('h/1', 2, 3)
      await source.commit('g', 2, 9)
      expect(await source.committed('g')).toEqual(
        new Map([
          [0, 0],
          [2, 9],
        ]),
      )
      expect(await source.committed('h/1')).toEqual(new Map([[2, 3]]))
      expect(await source.committed('other')).toEqual(new Map())
    })

    it('knows per partition the last position of each source', async () => {
      const { writer, source } = await opened()
      await writer.append(0, numbered('a', 1), { source: 'file:a', position: 10 })
      await writer.append(0, numbered('a', 1), { source: 'file:a', position: 20 })
      await writer.append(2, numbered('b', 1), { source: 'größe', position: 5 })
      await writer.append(0, numbered('c', 1))
      expect(await writer.positions('file:a')).toEqual([20, undefined, undefined])
      expect(await writer.positions('größe')).toEqual([undefined, undefined, 5])
      expect(await writer.positions('file:b')).toEqual([undefined, undefined, undefined])
      expect(valuesOf(await source.read(0, 0, PLENTY))).toEqual(['a0', 'a0', 'c0'])
    })

    it('keeps the position of a source that came without records, and gives it no offset', async () => {
      const { writer, source } = await opened()
      await writer.append(0, numbered('a', 1), { source: 's', position: 1 })
      await writer.append(0, numbered('', 0), { source: 's', position: 2 })
      await writer.append(0, numbered('b', 1))
      expect(await writer.positions('s')).toEqual([2, undefined, undefined])
      expect(valuesOf(await source.read(0, 0, PLENTY))).toEqual(['a0', 'b0'])
      expect(await source.endOffset(0)).toBe(2)
    })

    it('takes a copy: the writer may use its arrays again', async () => {
      const { writer, source } = await opened()
      const records = numbered('a', 2)
      await writer.append(0, records)
      records.buffer.fill(0)
      records.valueEnds.fill(0)
      expect(valuesOf(await source.read(0, 0, PLENTY))).toEqual(['a0', 'a1'])
    })

    it('ends a wait when its time is over, or when it is aborted', async () => {
      const { source, clock } = await opened()
      const timed = source.wait(100)
      await expect.poll(() => clock.sleeping).toBeGreaterThan(0)
      for (let waited = 0; waited < 100; waited += 10) {
        clock.advance(10)
        await new Promise(setImmediate)
      }
      await timed
      const abort = new AbortController()
      const aborted = source.wait(1_000_000, abort.signal)
      abort.abort()
      await aborted
      await source.wait(1_000_000, AbortSignal.abort())
    })

    it('ends a wait when records are appended', async () => {
      const { source, writer, clock } = await opened()
      const waiting = source.wait(1_000_000)
      await writer.append(2, numbered('a', 1))
      clock.advance(20)
      await waiting
    })

    it('refuses a partition that it does not have', async () => {
      const { source, writer, name = 'events' } = await opened()
      await expect(source.read(3, 0, PLENTY)).rejects.toThrow(`topic "${name}" has partitions 0 to 2, not 3`)
      await expect(writer.append(3, numbered('a', 1))).rejects.toThrow(RangeError)
    })
  })
}
