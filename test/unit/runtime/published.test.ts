import { describe, expect, it } from 'vitest'
import { hashText } from '#core/hash.ts'
import { HOUR } from '#core/time.ts'
import { ALL_HASHES, type HashRange } from '#runtime/hash-range.ts'
import {
  mergedResults,
  PublishedReader,
  type PublishedResult,
  PublishedWriter,
  stillNeeded,
  type Wanted,
} from '#runtime/published.ts'
import { openResult, type StoredRow } from '#runtime/result-object.ts'
import { EndRanges } from '#runtime/time-ranges.ts'
import { testWorld } from '../../../lib/testing/index.ts'
import { tumbling, windowOutput } from '../window/builders.ts'
import { rooms } from './builders.ts'

const OUTPUTS = [windowOutput(tumbling(HOUR, { grace: HOUR }))]
const EVERYTHING: Wanted = { range: () => true, window: () => true }
const HALVES: readonly HashRange[] = [
  { from: 0, to: 2 ** 31 },
  { from: 2 ** 31, to: 2 ** 32 },
]

const row = (hour: number, key: string, revision = 0): StoredRow => ({
  output: 'per_kind',
  start: hour * HOUR,
  end: (hour + 1) * HOUR,
  key: `s${key}`,
  revision,
  state: 'published',
  values: [revision * 10],
})

const { runtime } = testWorld(rooms)

async function resultOf(rows: readonly StoredRow[], seq = 1): Promise<PublishedResult> {
  const writer = new PublishedWriter(runtime, seq, OUTPUTS)
  await writer.add(ALL_HASHES, rows)
  return (await writer.finish())!
}

const read = async (results: readonly PublishedResult[], ranges = [ALL_HASHES], wanted = EVERYTHING) => {
  const reader = await PublishedReader.open(runtime, OUTPUTS, results, wanted)
  const rows: StoredRow[] = []
  for (const range of ranges) rows.push(...(await reader.take(range)))
  return rows
}

describe('what was published', () => {
  it('is read in pieces, by the hashes of the keys', async () => {
    const rows = Array.from({ length: 50 }, (_, i) => row(i % 3, `key ${i}`))
    const found = await read([await resultOf(rows)], [...HALVES])
    const inOrder = HALVES.flatMap(({ from, to }) =>
      rows.filter(({ key }) => hashText(key) >= from && hashText(key) < to),
    )
    expect(found).toEqual(inOrder)
  })

  it('is read of the results that may have what is wanted, and of no other', async () => {
    const results = [
      await resultOf([row(0, 'a'), row(1, 'a')]),
      { ...(await resultOf([row(7, 'a')])), path: 'nowhere' },
    ]
    const wanted: Wanted = {
      range: (_, { first, last }) => first <= 2 * HOUR && last >= 2 * HOUR,
      window: (_, { end }) => end === 2 * HOUR,
    }
    expect(await read(results, [ALL_HASHES], wanted)).toEqual([row(1, 'a')])
  })

  it('is named as long as a window of it may change', async () => {
    const results = [await resultOf([row(0, 'a'), row(5, 'a')]), await resultOf([row(1, 'a')])]
    expect(stillNeeded(results, (_, last) => last > 2 * HOUR)).toEqual([results[0]])
    expect(stillNeeded(results, (_, last) => last > 6 * HOUR)).toEqual([])
  })

  // Else each merge of what was merged before would hold all of it in memory.
  it('is merged into objects of some hashes each, also where no page was split', async () => {
    const results: PublishedResult[] = []
    for (let hour = 0; hour < 17; hour++) {
      results.push(
        await resultOf(
          Array.from({ length: 12_000 }, (_, i) => row(hour, `group ${i}`)),
          hour,
        ),
      )
    }
    const merged = (await mergedResults(runtime, 20, OUTPUTS, results, () => true)).find((one) => one.merged === true)!
    const { parts, last } = await openResult(runtime, merged.path)
    const shares = [...parts, last].map(({ from, to }) => (to - from) / 2 ** 32)
    expect(shares.length).toBeGreaterThan(1)
    expect(Math.max(...shares)).toBeLessThan(0.7)
    expect((await read([merged])).length).toBe(8 * 12_000)
  })

  it('is merged when there are too many results: the last version of each row that is needed, in a few of them', async () => {
    const results: PublishedResult[] = []
    for (let i = 0; i < 17; i++) {
      results.push(await resultOf([row(i, 'new'), row(3, 'again', i), row(0, 'settled', i)], i))
    }
    const isNeeded = (_: string, last: number): boolean => last > HOUR
    expect(await mergedResults(runtime, 20, OUTPUTS, results.slice(1), isNeeded)).toEqual(results.slice(1))
    const merged = await mergedResults(runtime, 20, OUTPUTS, results, isNeeded)
    expect(merged.length).toBe(10)
    expect(merged.filter((result) => result.merged === true).length).toBe(1)
    const needed = (rows: readonly StoredRow[]) => {
      const latest = new Map(rows.filter(({ end }) => end > HOUR).map((one) => [`${one.start} ${one.key}`, one]))
      return [...latest.values()].sort((a, b) => a.start - b.start || (a.key < b.key ? -1 : 1))
    }
    expect(needed(await read(merged))).toEqual(needed(await read(results)))
    expect((await read(merged)).length).toBe((await read(results)).length - 7 - 9)
  })
})

describe('the ends of windows', () => {
  const at = (end: number, start = end - 10) => ({ start, first: end, last: end })

  it('are joined where they overlap, and told in as few ranges as asked for, cut at the largest gaps', () => {
    const ends = new EndRanges()
    for (const end of [50, 10, 11, 52, 10, 100]) ends.add(at(end))
    ends.add({ start: 0, first: 10, last: 11 })
    expect(ends.summary(9)).toEqual([{ start: 0, first: 10, last: 11 }, at(50), at(52), at(100)])
    expect(ends.summary(2)).toEqual([{ start: 0, first: 10, last: 52 }, at(100)])
    expect(ends.summary(1)).toEqual([{ start: 0, first: 10, last: 100 }])
  })

  it('of any number of windows are held in few ranges, and none is lost', () => {
    const ends = new EndRanges()
    for (let i = 0; i < 5000; i++) ends.add(at((i * 7919) % 5000))
    const ranges = ends.summary(64)
    expect(ranges.length).toBeLessThanOrEqual(64)
    for (let end = 0; end < 5000; end++) {
      expect(ranges.some(({ start, first, last }) => first <= end && end <= last && start <= end - 10)).toBe(true)
    }
  })
})
