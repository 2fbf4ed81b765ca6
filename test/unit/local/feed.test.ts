import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { partitionFor } from '#core/hash.ts'
import { type FeedOptions, type FeedProgress, feedFile } from '#local/feed.ts'
import { identifyInput } from '#local/input-identity.ts'
import { openInput } from '#local/inputs.ts'
import type { Fields } from '#schema/column.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { type Crash, MemoryTopic, type TopicRecord } from '../../support/memory-topic.ts'
import { temporaryFolder } from '../../support/temp.ts'

const fields: Fields = [
  { name: 'id', column: { kind: 'long', nullable: false } },
  { name: 'district', column: { kind: 'string', nullable: true } },
  {
    name: 'at',
    column: { kind: 'timestamp', nullable: true, format: { pattern: 'MM/dd/yyyy hh:mm:ss a', zone: 'UTC' } },
  },
  { name: 'text', column: { kind: 'string', nullable: true } },
]

function file(name: string, content: string): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, content)
  return path
}

function overwrite(path: string, position: number, text: string): void {
  const file = openSync(path, 'r+')
  writeSync(file, text, position)
  closeSync(file)
}

const feed = (topic: MemoryTopic, path: string, options: Partial<FeedOptions> & { readonly crash?: Crash } = {}) => {
  const { crash, ...rest } = options
  return feedFile({ fields, key: 'district', writer: topic.writer(crash), path, ...rest })
}

/** About 6 MB: keys, no keys, malformed lines, cells with line breaks. */
function mixedCsv(records: number): string {
  const lines = ['id,district,text']
  for (let i = 0; i < records; i++) {
    const padding = 'x'.repeat(600 + ((i * 37) % 800))
    if (i % 97 === 0) lines.push(`${i},ragged`)
    else if (i % 89 === 0) lines.push(`${i},,${padding}`)
    else if (i % 83 === 0) lines.push(`${i},0${i % 7},"${padding}\nsecond ""line"""`)
    else if (i % 79 === 0) lines.push(`${i},0${i % 7},"unclosed ${padding}`)
    else lines.push(`${i},0${i % 7},${padding}`)
  }
  return `${lines.join('\r\n')}\r\n`
}

function mixedJsonLines(records: number): string {
  const lines = Array.from({ length: records }, (_, i) => {
    const text = 'x'.repeat(600 + ((i * 37) % 800))
    if (i % 97 === 0) return `no JSON ${i}`
    return JSON.stringify(i % 89 === 0 ? { id: i, text } : { id: i, district: `0${i % 7}`, text })
  })
  return lines.join('\n')
}

const reference = async (path: string, partitions: number): Promise<MemoryTopic> => {
  const topic = new MemoryTopic(partitions)
  await feed(topic, path)
  return topic
}

describe('feedFile', () => {
  test('puts every record into the partition of its key, in the order of the file', async () => {
    const path = file('x.csv', 'district,id\n01,1\n02,2\n01,3\n,4\n')
    const topic = new MemoryTopic(4)
    const progress = await feed(topic, path)
    expect(progress).toEqual({
      records: 4,
      malformed: 0,
      fedBefore: false,
      bytes: 30,
      totalBytes: 30,
    } satisfies FeedProgress)
    const partitionOf = (text: string): number => {
      const bytes = new TextEncoder().encode(text)
      return partitionFor(bytes, 0, bytes.length, 4)
    }
    const expected: TopicRecord[][] = [[], [], [], []]
    for (const [key, id] of [
      ['01', 1],
      ['02', 2],
      ['01', 3],
      [null, 4],
    ] as const) {
      const value = JSON.stringify({ id, district: key })
      expected[partitionOf(key ?? value)]!.push({ key, value, malformed: null })
    }
    expect(topic.partitions).toEqual(expected)
  })

  test('hands on malformed lines with their reason and without a key', async () => {
    const topic = new MemoryTopic(1)
    const progress = await feed(topic, file('crimes.csv', 'id,district\n1,01\n2\n"3,01\n4,02\n'))
    expect(progress).toMatchObject({ records: 4, malformed: 2 })
    expect(topic.records).toEqual([
      { key: '01', value: '{"id":1,"district":"01"}', malformed: null },
      { key: null, value: '2', malformed: 'ragged line: 1 field where the header has 2 (crimes.csv line 3)' },
      { key: null, value: '"3,01', malformed: 'unclosed quote (crimes.csv line 4)' },
      { key: '02', value: '{"id":4,"district":"02"}', malformed: null },
    ])
  })

  test('feeds JSON lines as they are', async () => {
    const topic = new MemoryTopic(1)
    await feed(topic, file('x.jsonl', '{"id":1, "district":"01"}\r\n\nnonsense\n{"district":2}'))
    expect(topic.records).toEqual([
      { key: '01', value: '{"id":1, "district":"01"}', malformed: null },
      { key: null, value: 'nonsense', malformed: null },
      { key: '2', value: '{"district":2}', malformed: null },
    ])
  })

  test('adds nothing when the file, or a copy of it, is fed again', async () => {
    const content = mixedCsv(300)
    const topic = await reference(file('x.csv', content), 3)
    const before = topic.records.length
    const progress = await feed(topic, file('copy.csv', content))
    expect(progress).toMatchObject({ records: 0, malformed: 0, fedBefore: true })
    expect(progress.bytes).toBe(progress.totalBytes)
    expect(topic.records.length).toBe(before)
  })

  test('appends no more than about a megabyte at once', async () => {
    const topic = await reference(file('x.csv', mixedCsv(6000)), 2)
    expect(topic.appends.length).toBeGreaterThan(4)
    expect(Math.max(...topic.appends)).toBeLessThanOrEqual(1024 * 1024)
    // When one partition is full, both are appended: at least one of each two is nearly a megabyte, but for the last two.
    const full = topic.appends.filter((bytes) => bytes > 900_000).length
    expect(full).toBeGreaterThanOrEqual(topic.appends.length / 2 - 1)
  })

  test('quarantines a value that is too long for a broker, with its key', async () => {
    const topic = new MemoryTopic(2)
    await feed(topic, file('x.csv', `id,district,text\n1,01,${'\t'.repeat(600_000)}\n2,01,${'\t'.repeat(500_000)}\n`))
    const [malformed] = topic.records.filter((record) => record.malformed !== null)
    expect(malformed!.malformed).toBe('record of 1200036 bytes with its key, the limit is 1044480 (x.csv line 2)')
    expect(malformed!.value).toBe(`1,01,${'\t'.repeat(600_000)}`)
    expect(topic.records.filter((record) => record.malformed === null).map(({ key }) => key)).toEqual(['01'])
  })

  test.each(['x.csv', 'x.jsonl'])('reads on after lines of several megabytes in %s', async (name) => {
    const topic = new MemoryTopic(1)
    const long = 'x'.repeat(3_500_000)
    const line = name === 'x.csv' ? '1,01' : '{"id":1,"district":"01"}'
    const first = name === 'x.csv' ? 'id,district' : line
    await feed(topic, file(name, [first, long, line, long, line].join('\n')))
    const found = topic.records.slice(name === 'x.csv' ? 0 : 1).map(({ value, malformed }) => malformed ?? value)
    expect(found).toEqual([
      `record of 3500000 bytes, the limit is 1048576 (${name} line 2)`,
      '{"id":1,"district":"01"}',
      `record of 3500000 bytes, the limit is 1048576 (${name} line 4)`,
      '{"id":1,"district":"01"}',
    ])
  })

  test('says so when somebody has changed the file while it was read', async () => {
    const path = file('x.csv', mixedCsv(6000))
    const feeding = feed(new MemoryTopic(2), path, {
      onProgress: ({ bytes, totalBytes }) => bytes < totalBytes && overwrite(path, 3_000_000, 'z'),
    })
    await expect(feeding).rejects.toMatchObject({
      code: 'INPUT_CHANGED',
      message:
        'x.csv was changed while it was read: what was fed is partly its old content and partly the new. Expected a file ' +
        'that nobody writes to. Start with an empty data folder and feed it again.',
    })
  })

  test('feeds a file that was changed since it was identified as what it is now', async () => {
    const path = file('x.csv', 'id,district\n1,01\n')
    const input = openInput(path, fields)
    const identity = (await identifyInput(input))!
    closeSync(input.file)
    const topic = new MemoryTopic(1)
    await feed(topic, path, { identity })
    appendFileSync(path, '2,01\n')
    utimesSync(path, 1, 1)
    expect(await feed(topic, path, { identity })).toMatchObject({ records: 2, fedBefore: false })
    expect(await feed(topic, path)).toMatchObject({ records: 0, fedBefore: true })
  })

  test('feeds what a file held at the start, when it grows or is touched meanwhile', async () => {
    const path = file('x.csv', mixedCsv(3000))
    const topic = new MemoryTopic(2)
    let grown = false
    const progress = await feed(topic, path, {
      onProgress: () => {
        if (!grown) appendFileSync(path, '9999,01,\n')
        grown = true
      },
    })
    expect([grown, progress.records]).toEqual([true, 3000])
  })

  test('says so when the file becomes shorter while it is read', async () => {
    const path = file('x.csv', mixedCsv(6000))
    const { size } = statSync(path)
    const feeding = feed(new MemoryTopic(2), path, { onProgress: () => truncateSync(path, 1000) })
    await expect(feeding).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringMatching(
        new RegExp(`^x.csv became shorter while it was read: expected ${size} bytes, found \\d+\\.$`),
      ),
    })
  })

  test('reports its progress, at last the whole file', async () => {
    const reports: FeedProgress[] = []
    const path = file('x.csv', mixedCsv(4000))
    const end = await feed(new MemoryTopic(2), path, { onProgress: (progress) => reports.push(progress) })
    expect(reports.length).toBeGreaterThan(3)
    expect(reports.map(({ bytes }) => bytes)).toEqual(reports.map(({ bytes }) => bytes).toSorted((a, b) => a - b))
    expect(reports.at(-1)).toEqual(end)
    expect(end.bytes).toBe(end.totalBytes)
  })

  test('stops at a signal with everything it read in the topic, and goes on from there', async () => {
    const path = file('x.csv', mixedCsv(4000))
    const topic = new MemoryTopic(3)
    const stop = new AbortController()
    const first = await feed(topic, path, { signal: stop.signal, onProgress: () => stop.abort() })
    expect(first.bytes).toBeLessThan(first.totalBytes)
    expect(topic.records.length).toBe(first.records)
    const second = await feed(topic, path)
    expect(first.records + second.records).toBe(4000)
    expect(topic.partitions).toEqual((await reference(path, 3)).partitions)
  })
})

describe('feedFile after a crash', () => {
  test.each([
    ['x.csv', mixedCsv(6000)],
    ['x.jsonl', mixedJsonLines(6000)],
  ])('ends in the same topic, whichever append of %s fails, before or after it was durable', async (name, content) => {
    const path = file(name, content)
    const expected = await reference(path, 3)
    const appends = expected.appends.length
    expect(appends).toBeGreaterThan(5)
    for (let append = 0; append < appends; append++) {
      for (const how of ['before', 'after', 'alone'] as const) {
        const topic = new MemoryTopic(3)
        await expect(feed(topic, path, { crash: { append, how } })).rejects.toThrow('crashed')
        await feed(topic, path)
        expect(topic.partitions).toEqual(expected.partitions)
      }
    }
  })

  test('ends in the same topic when it crashes again and again', async () => {
    const path = file('x.csv', mixedCsv(9000))
    const topic = new MemoryTopic(3)
    let crashes = 0
    for (;;) {
      const done = await feed(topic, path, {
        crash: { append: crashes % 3, how: crashes % 2 === 0 ? 'after' : 'before' },
      }).then(
        () => true,
        () => false,
      )
      if (done) break
      crashes++
      expect(crashes).toBeLessThan(100)
    }
    expect(crashes).toBeGreaterThan(3)
    expect(topic.partitions).toEqual((await reference(path, 3)).partitions)
  })
})

describe('feedFile at a pace', () => {
  const start = 1_000_000

  test('keeps to a rate', async () => {
    const clock = new ManualClock(start)
    const topic = new MemoryTopic(2)
    const content = `id,district\n${Array.from({ length: 501 }, (_, i) => `${i},0${i % 5}`).join('\n')}`
    await feed(topic, file('x.csv', content), { pace: { clock, rate: 100 } })
    expect(topic.records.length).toBe(501)
    expect(clock.now() - start).toBe(5_000)
  })

  test('appends what is packed at least every 100 ms', async () => {
    const clock = new ManualClock(start)
    const topic = new MemoryTopic(1)
    const content = `id,district\n${Array.from({ length: 101 }, (_, i) => `${i},01`).join('\n')}`
    await feed(topic, file('x.csv', content), { pace: { clock, rate: 50 } })
    expect(clock.now() - start).toBe(2_000)
    expect(topic.appends.length).toBeGreaterThanOrEqual(20)
  })

  const paced = async (dates: readonly string[], speed: number): Promise<number> => {
    const clock = new ManualClock(start)
    const topic = new MemoryTopic(1)
    const content = `id,district,at\n${dates.map((date, i) => `${i},01,${date}`).join('\n')}`
    await feed(topic, file('x.csv', content), { pace: { clock, speed }, eventTime: 'at' })
    expect(topic.records.length).toBe(dates.length)
    return clock.now() - start
  }

  // event time   12:00 ──── 01:00 ── 12:30 (late) ── 02:00      2 h at 3600 × = 2 s
  test('plays event time at a speed-up, without waiting for late records', async () => {
    const dates = ['12:00:00 PM', '01:00:00 PM', '12:30:00 PM', '02:00:00 PM'].map((time) => `06/01/2018 ${time}`)
    expect(await paced(dates, 3600)).toBe(2_000)
  })

  test('does not wait for dates that are missing, unreadable or alone in another century', async () => {
    const dates = [
      '01/01/1970 01:00:00 AM',
      '06/01/2018 12:00:00 PM',
      '',
      'soon',
      '06/01/2099 12:00:00 PM',
      '06/01/2018 01:00:00 PM',
    ]
    expect(await paced(dates, 3600)).toBeLessThanOrEqual(1_000)
  })

  test('jumps over a gap of more than a week', async () => {
    const dates = [
      '06/01/2018 01:00:00 AM',
      '07/01/2018 01:00:00 AM',
      '07/01/2018 01:30:00 AM',
      '07/01/2018 02:30:00 AM',
    ]
    expect(await paced(dates, 3600)).toBe(1_000)
  })

  test('stops in the midst of a wait', async () => {
    const stop = new AbortController()
    const topic = new MemoryTopic(1)
    const clock = {
      now: () => start,
      sleep: async () => stop.abort(),
    }
    const path = file('x.csv', 'id,district\n1,01\n2,01\n3,01\n')
    const progress = await feed(topic, path, { pace: { clock, rate: 1 }, signal: stop.signal })
    expect(progress.records).toBe(1)
    expect(topic.records.length).toBe(1)
    await feed(topic, path)
    expect(topic.records.map(({ value }) => JSON.parse(value!).id)).toEqual([1, 2, 3])
  })
})

const crimes = join(import.meta.dirname, '../../../../shared/data/crimes/crimes_2018-07.csv')

describe.skipIf(!existsSync(crimes))('feedFile on real data', () => {
  test('feeds every crime of a month', async () => {
    const names =
      'id,case_number,date,block,iucr,primary_type,description,location_description,arrest,domestic,beat,district,ward'
    const more = 'community_area,fbi_code,x_coordinate,y_coordinate,year,updated_on,latitude,longitude,location'
    const all: Fields = `${names},${more}`
      .split(',')
      .map((name) => ({ name, column: { kind: 'string', nullable: true } }))
    const topic = new MemoryTopic(6)
    const progress = await feedFile({ fields: all, key: 'district', writer: topic.writer(), path: crimes })
    expect(progress).toMatchObject({ records: 24_878, malformed: 0 })
    expect(topic.records.filter(({ value }) => JSON.parse(value!).domestic === 'true').length).toBe(4_086)
  })
})
