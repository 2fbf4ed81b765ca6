import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryTopic } from '#adapters/memory/topic.ts'
import { TopicLog, TopicLogReader } from '#local/topic-log.ts'
import type { RecordSource } from '#ports/record-source.ts'
import { keysOf, ManualClock, newRecords, offsetsOf, valuesOf } from '../../contract/record-source-builders.ts'

const text = fc.option(fc.string({ maxLength: 20, unit: 'grapheme' }))
const header = fc.record({
  name: fc.string({ maxLength: 5 }),
  value: fc.option(fc.uint8Array({ maxLength: 5 }).map((bytes) => Uint8Array.from(bytes))),
})
const textRecord = fc.record({
  key: text,
  value: text,
  headers: fc.option(fc.array(header, { maxLength: 2 })),
})
const plainRecord = fc.record({ key: text, value: text })
const appended = fc.record({
  records: fc.oneof(fc.array(textRecord, { maxLength: 6 }), fc.array(plainRecord, { maxLength: 6 })),
  layout: fc.constantFrom('packed' as const, 'scattered' as const),
  position: fc.option(fc.nat(), { nil: undefined }),
})
const read = fc.record({
  from: fc.nat(40),
  limits: fc.record({ maxRecords: fc.integer({ min: 1, max: 12 }), maxBytes: fc.integer({ min: 1, max: 200 }) }),
})

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-topic-'))
  try {
    await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Everything that a batch says, in plain values. */
async function seen(
  source: RecordSource,
  { from, limits }: { from: number; limits: { maxRecords: number; maxBytes: number } },
) {
  const batch = await source.read(0, from, limits)
  const headers =
    batch?.headers?.map((list) => list?.map(({ name, value }) => [name, value && [...value]]) ?? null) ?? null
  return {
    offsets: offsetsOf(batch),
    keys: keysOf(batch),
    values: valuesOf(batch),
    times: [...(batch?.timestamps ?? [])],
    headers,
  }
}

describe('A topic log', () => {
  it('reads like the topic in memory: live, followed, and opened again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(appended, { maxLength: 8 }), fc.array(read, { maxLength: 8 }), async (appends, reads) =>
        inFolder(async (folder) => {
          const clock = new ManualClock()
          const memory = new MemoryTopic({ topic: 'events', partitions: 1, clock })
          const log = TopicLog.open({ folder, name: 'events', partitions: 1, clock })
          const reader = TopicLogReader.open({ folder, name: 'events', clock })
          for (const { records, layout, position } of appends) {
            const at = position === undefined ? undefined : { source: 's', position }
            for (const writer of [memory, log]) await writer.append(0, newRecords(records, layout), at)
            clock.advance(7)
          }
          const again = TopicLog.open({ folder, name: 'events', partitions: 1, clock })
          for (const source of [log, reader, again]) {
            expect(await source.endOffset(0)).toBe(await memory.endOffset(0))
            for (const one of reads) expect(await seen(source, one)).toEqual(await seen(memory, one))
          }
          for (const writer of [log, again]) expect(await writer.positions('s')).toEqual(await memory.positions('s'))
          for (const source of [log, reader, again]) await source.close()
        }),
      ),
      { numRuns: 150 },
    )
  })

  it('cut off at any byte holds exactly the appends that are whole, and goes on from there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(appended, { minLength: 1, maxLength: 5 }), fc.nat(), async (appends, seed) =>
        inFolder(async (folder) => {
          const clock = new ManualClock()
          const file = join(folder, 'events', '0', '00000000000000000000.log')
          const log = TopicLog.open({ folder, name: 'events', partitions: 1, clock })
          const ends: { bytes: number; records: number }[] = []
          for (const { records, layout } of appends) {
            await log.append(0, newRecords(records, layout), { source: 's', position: ends.length })
            ends.push({ bytes: readFileSync(file).length, records: await log.endOffset(0) })
          }
          await log.close()
          const size = seed % (ends.at(-1)!.bytes + 1)
          truncateSync(file, size)
          const whole = ends.findLast(({ bytes }) => bytes <= size)
          const again = TopicLog.open({ folder, name: 'events', partitions: 1, clock })
          expect(await again.endOffset(0)).toBe(whole?.records ?? 0)
          expect(await again.positions('s')).toEqual([whole === undefined ? undefined : ends.indexOf(whole)])
          await again.append(0, newRecords([{ value: 'next' }]))
          const last = await again.read(0, whole?.records ?? 0, { maxRecords: 10, maxBytes: 1_000 })
          expect(valuesOf(last)).toEqual(['next'])
          await again.close()
        }),
      ),
      { numRuns: 150 },
    )
  })
})
