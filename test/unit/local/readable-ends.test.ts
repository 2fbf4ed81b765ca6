import { describe, expect, it } from 'vitest'
import { MemoryTopic } from '#adapters/memory/topic.ts'
import { MINUTE } from '#core/time.ts'
import { ReadableEnds, readableEnds } from '#local/readable-ends.ts'
import { closeStage } from '#runtime/close.ts'
import { newRecords } from '../../contract/record-source-builders.ts'
import { batch, NOW, noon, reading, started, windowsOf } from '../runtime/builders.ts'

function topicOf(counts: readonly number[]): MemoryTopic {
  const clock = { now: () => NOW, sleep: async () => {} }
  const topic = new MemoryTopic({ topic: 'readings', partitions: counts.length, clock })
  for (const [partition, count] of counts.entries()) {
    void topic.append(partition, newRecords(Array.from({ length: count }, () => ({ value: '{}' }))))
  }
  return topic
}

describe('The readable end of a partition', () => {
  //   offset 0   1   2          a transaction's marker takes offset 2
  //          ●   ●   ×
  it('is the offset after the last applied record where only a gap follows it', async () => {
    const topic = topicOf([2, 2, 0])
    for (const partition of [0, 1, 2]) topic.skipOffsets(partition, 1)
    const applied = new Map([
      [0, 1],
      [1, 0],
    ])
    expect(await topic.endOffsets()).toEqual([3, 3, 1])
    expect(await readableEnds(topic, applied)).toEqual([2, 3, 0])
  })

  it("is the topic's own end while a record is left, also behind a gap", async () => {
    const topic = topicOf([2])
    topic.skipOffsets(0, 5)
    await topic.append(0, newRecords([{ value: '{}' }]))
    expect(await readableEnds(topic, new Map([[0, 1]]))).toEqual([8])
  })

  it('is looked for only where nothing was applied since the last call', async () => {
    const topic = topicOf([2])
    topic.skipOffsets(0, 1)
    const ends = new ReadableEnds(topic)
    expect(await ends.of(new Map([[0, 0]]))).toEqual([3])
    expect(await ends.of(new Map([[0, 1]]))).toEqual([3])
    expect(await ends.of(new Map([[0, 1]]))).toEqual([2])
  })
})

describe('A quiet topic that ends in a gap', () => {
  it('closes its last windows as the clock goes on, as any quiet topic does', async () => {
    const runtime = await started()
    const hourAgo = NOW - 60 * MINUTE
    const last = batch([reading(0, 0), reading(1, 45)], { appendTime: hourAgo })
    await windowsOf(runtime).handle([last])
    const topic = topicOf([2, 0])
    topic.skipOffsets(0, 1)
    const close = (endOffsets: (applied: ReadonlyMap<number, number>) => Promise<readonly number[]>) =>
      closeStage(runtime).run({ endOffsets, endOfInput: false })
    const held = await close(() => topic.endOffsets())
    expect(held.watermark.watermark).toBe(noon(35))
    const { watermark, rows } = await close((applied) => readableEnds(topic, applied))
    expect(watermark.watermark).toBe(noon(95))
    expect(rows.map(({ output, end }) => [output, end])).toContainEqual(['per_hour', noon(60)])
  })
})
