import { describe, expect, it } from 'vitest'
import { MemoryTopic } from '#adapters/memory/topic.ts'
import { EventSourceMapping, type Handler } from '#local/event-source.ts'
import { toKafkaEvent } from '#local/kafka-event.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { ManualClock, newRecords, numbered } from '../../contract/record-source-builders.ts'
import { changed, mapped, settings } from './event-source-builders.ts'

describe('A payload', () => {
  it('is not delivered when there is nothing', async () => {
    const { mapping, delivered } = mapped()
    expect(await mapping.pollOnce()).toBe(false)
    expect(delivered).toEqual([])
  })

  it('is filled from one partition first, and topped up from the others', async () => {
    const { topic, mapping, delivered } = mapped({ batchSize: 5 })
    await topic.append(0, numbered('a', 3))
    await topic.append(1, numbered('b', 4))
    await topic.append(2, numbered('c', 1))
    expect(await mapping.pollOnce()).toBe(true)
    expect(await mapping.pollOnce()).toBe(true)
    expect(await mapping.pollOnce()).toBe(false)
    expect(delivered).toEqual([
      ['0: a0 a1 a2', '1: b0 b1'],
      ['2: c0', '1: b2 b3'],
    ])
  })

  it('starts with the partition that was served longest ago: none starves', async () => {
    const { topic, mapping, delivered } = mapped({ batchSize: 2 })
    for (const partition of [0, 1, 2]) await topic.append(partition, numbered('abc'[partition]!, 4))
    while (await mapping.pollOnce()) {}
    expect(delivered.map(([first]) => first)).toEqual([
      '0: a0 a1',
      '1: b0 b1',
      '2: c0 c1',
      '0: a2 a3',
      '1: b2 b3',
      '2: c2 c3',
    ])
  })

  it('holds only the partitions dealt to the poller', async () => {
    const { topic, mapping, delivered } = mapped({ partitions: [2, 0] })
    for (const partition of [0, 1, 2]) await topic.append(partition, numbered('abc'[partition]!, 1))
    while (await mapping.pollOnce()) {}
    expect(delivered).toEqual([['2: c0', '0: a0']])
    expect([...(await mapping.lag())]).toEqual([
      [0, 0],
      [2, 0],
    ])
  })

  it('of no more than 6 MiB of event JSON is delivered, and several make up the rest', async () => {
    const sizes: number[] = []
    const { topic, mapping } = mapped({ batchSize: 10_000 }, 2, async (payload) => {
      sizes.push(JSON.stringify(toKafkaEvent(payload)).length)
    })
    for (const partition of [0, 1]) {
      await topic.append(
        partition,
        newRecords(Array.from({ length: 8_000 }, () => ({ key: 'key', value: 'x'.repeat(500) }))),
      )
    }
    while (await mapping.pollOnce()) {}
    expect(Math.max(...sizes)).toBeLessThanOrEqual(6 * 1024 * 1024)
    expect(sizes).toHaveLength(3)
    expect(sizes[0]).toBeGreaterThan(5.5 * 1024 * 1024)
  })

  it('counts headers, keys and the topic in its size', async () => {
    const headers = [{ name: '"\n\u0001', value: new Uint8Array(1_000).fill(255) }]
    const sizes: number[] = []
    const { topic, mapping } = mapped({ maxPayload: 50_000 }, 1, async (payload) => {
      sizes.push(JSON.stringify(toKafkaEvent(payload)).length)
    })
    await topic.append(
      0,
      newRecords(Array.from({ length: 50 }, () => ({ key: 'k'.repeat(100), value: null, headers }))),
    )
    while (await mapping.pollOnce()) {}
    expect(Math.max(...sizes)).toBeLessThanOrEqual(50_000)
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(40_000)
  })

  it('holds a record that is too large for any, alone', async () => {
    const { topic, mapping, delivered } = mapped({ maxPayload: 3_000 })
    await topic.append(0, newRecords([{ value: 'small' }, { value: 'x'.repeat(10_000) }, { value: 'after' }]))
    while (await mapping.pollOnce()) {}
    expect(delivered.map(([first]) => first!.slice(0, 9))).toEqual(['0: small', '0: xxxxxx', '0: after'])
  })

  it('is over one buffer for two mappings that read the same', async () => {
    const clock = new ManualClock()
    const topic = new MemoryTopic({ topic: 'events', partitions: 1, clock })
    await topic.append(0, newRecords(Array.from({ length: 100 }, () => ({ value: 'x'.repeat(100) }))))
    const whole = await topic.read(0, 0, { maxRecords: 100, maxBytes: 1e6 })
    const source = changed(topic, { read: async () => whole })
    const seen: RecordBatch[] = []
    for (const group of ['lake', 'windows']) {
      const handler: Handler = async ([batch]) => void seen.push(batch!)
      await new EventSourceMapping({ source, clock }, settings({ group, maxPayload: 10_000 }), handler).pollOnce()
    }
    expect(seen[0]!.count).toBeLessThan(100)
    expect(seen[1]).toBe(seen[0])
  })
})

describe('The batching window', () => {
  /*
   *  0 ms      a0 arrives, first seen: the window opens
   *  ...999    nothing is delivered
   *  1,000     the window ends: everything that is there goes out
   */
  it('holds back a payload that is not full until it ends', async () => {
    const { clock, topic, mapping, delivered } = mapped({ batchWindow: 1_000 })
    await topic.append(0, numbered('a', 1))
    expect(await mapping.pollOnce()).toBe(false)
    clock.advance(999)
    await topic.append(1, numbered('b', 1))
    expect(await mapping.pollOnce()).toBe(false)
    clock.advance(1)
    expect(await mapping.pollOnce()).toBe(true)
    expect(delivered).toEqual([['0: a0', '1: b0']])
  })

  it('does not hold back a full payload, and opens anew for the rest', async () => {
    const { clock, topic, mapping, delivered } = mapped({ batchWindow: 1_000, batchSize: 3 })
    await topic.append(0, numbered('a', 1))
    expect(await mapping.pollOnce()).toBe(false)
    clock.advance(900)
    await topic.append(1, numbered('b', 3))
    expect(await mapping.pollOnce()).toBe(true)
    expect(await mapping.pollOnce()).toBe(false)
    clock.advance(999)
    expect(await mapping.pollOnce()).toBe(false)
    clock.advance(1)
    expect(await mapping.pollOnce()).toBe(true)
    expect(delivered).toEqual([['0: a0', '1: b0 b1'], ['1: b2']])
  })

  it('does not hold back a payload that the next record does not fit in', async () => {
    const { topic, mapping, delivered } = mapped({ batchWindow: 1_000, maxPayload: 10_000 })
    await topic.append(0, newRecords([{ value: 'x'.repeat(4_000) }, { value: 'y'.repeat(4_000) }]))
    expect(await mapping.pollOnce()).toBe(true)
    expect(await mapping.pollOnce()).toBe(false)
    expect(delivered).toHaveLength(1)
  })

  it('does not read what it has read again and again while it is open', async () => {
    const clock = new ManualClock()
    const topic = new MemoryTopic({ topic: 'events', partitions: 1, clock })
    let reads = 0
    const source = changed(topic, {
      read: (...call) => {
        reads++
        return topic.read(...call)
      },
    })
    const mapping = new EventSourceMapping(
      { source, clock },
      settings({ batchWindow: 5_000, batchSize: 10_000 }),
      async () => {},
    )
    for (let i = 0; i < 1_000; i++) {
      await topic.append(0, numbered('a', 1))
      await mapping.pollOnce()
    }
    expect(reads).toBeLessThanOrEqual(11)
  })
})
