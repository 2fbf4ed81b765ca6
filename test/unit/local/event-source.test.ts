import { describe, expect, it } from 'vitest'
import { MemoryTopic } from '#adapters/memory/topic.ts'
import { SluiceError } from '#core/errors.ts'
import { EventSourceMapping, type Handler } from '#local/event-source.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { LeapingClock, numbered } from '../../contract/record-source-builders.ts'
import { changed, failingTimes, mapped, settings, shown } from './event-source-builders.ts'

describe('Offsets', () => {
  it('are committed after success, one above the last record', async () => {
    let during: unknown
    const { topic, mapping } = mapped({}, 3, async () => {
      during = await topic.committed('g')
    })
    await topic.append(0, numbered('a', 3))
    topic.skipOffsets(1, 10)
    await topic.append(1, numbered('b', 1))
    await mapping.pollOnce()
    expect(during).toEqual(new Map())
    expect(await topic.committed('g')).toEqual(
      new Map([
        [0, 3],
        [1, 11],
      ]),
    )
  })

  it('are not committed when the handler fails: the same payload comes again', async () => {
    const payloads: (readonly RecordBatch[])[] = []
    const fail = failingTimes(2)
    const { topic, mapping, delivered } = mapped({}, 1, async (payload, signal) => {
      payloads.push(payload)
      await fail(payload, signal)
    })
    await topic.append(0, numbered('a', 2))
    await expect(mapping.pollOnce()).rejects.toThrow('no')
    await topic.append(0, numbered('later', 1))
    await expect(mapping.pollOnce()).rejects.toThrow('no')
    expect(await topic.committed('g')).toEqual(new Map())
    expect(await mapping.pollOnce()).toBe(true)
    expect(await mapping.pollOnce()).toBe(true)
    expect(payloads[1]).toBe(payloads[0])
    expect(delivered).toEqual([['0: a0 a1'], ['0: later0']])
  })

  it('that were committed are where the next poller begins', async () => {
    const { clock, topic, mapping } = mapped()
    await topic.append(0, numbered('a', 2))
    await mapping.pollOnce()
    await topic.append(0, numbered('b', 1))
    const seen: string[][] = []
    const handler: Handler = async (payload) => void seen.push(shown(payload))
    const next = new EventSourceMapping({ source: topic, clock }, settings({ startingPosition: 'LATEST' }), handler)
    expect([...(await next.lag())]).toEqual([
      [0, 1],
      [1, 0],
      [2, 0],
    ])
    await next.pollOnce()
    expect(seen).toEqual([['0: b0']])
  })

  it('begin at the end for LATEST, and a restart before the first success loses nothing', async () => {
    const { clock, topic } = mapped()
    await topic.append(0, numbered('before', 2))
    const latest = (handler: Handler): EventSourceMapping =>
      new EventSourceMapping({ source: topic, clock }, settings({ startingPosition: 'LATEST' }), handler)
    const failing = latest(failingTimes(1))
    expect(await failing.pollOnce()).toBe(false)
    await topic.append(0, numbered('a', 1))
    await expect(failing.pollOnce()).rejects.toThrow('no')
    const seen: string[][] = []
    await latest(async (payload) => void seen.push(shown(payload))).pollOnce()
    expect(seen).toEqual([['0: a0']])
  })

  it('of partitions that are added later begin at their start', async () => {
    const { clock, topic, mapping, delivered } = mapped({ startingPosition: 'LATEST' }, 1)
    await mapping.pollOnce()
    topic.grow(2)
    await topic.append(1, numbered('new', 1))
    clock.advance(30_000)
    expect(await mapping.pollOnce()).toBe(true)
    expect(delivered).toEqual([['1: new0']])
  })

  it('that descend are refused', async () => {
    const { clock, topic } = mapped()
    await topic.append(0, numbered('a', 3))
    const batch = (await topic.read(0, 0, { maxRecords: 3, maxBytes: 100 }))!
    batch.offsets.set([0, 2, 1])
    const source = changed(topic, { read: async () => batch })
    const mapping = new EventSourceMapping({ source, clock }, settings(), async () => {})
    await expect(mapping.pollOnce()).rejects.toMatchObject({
      code: 'OFFSETS_DESCEND',
      message:
        'Expected the offsets of partition 0 of topic "events" to ascend, found 1 after 2. ' +
        'Use a source that keeps the order of a partition (no share groups).',
    })
  })
})

describe('A running mapping', () => {
  it('delivers what comes until it is aborted', async () => {
    const { topic, mapping, delivered } = mapped()
    const stop = new AbortController()
    const running = mapping.run(stop.signal)
    for (let i = 0; i < 5; i++) {
      await topic.append(0, numbered(`${i}/`, 1))
      await expect.poll(() => delivered.length, { interval: 1 }).toBe(i + 1)
    }
    stop.abort()
    await running
    expect(delivered).toEqual([['0: 0/0'], ['0: 1/0'], ['0: 2/0'], ['0: 3/0'], ['0: 4/0']])
  })

  it('delivers at the end of the window, without a new record', async () => {
    const { clock, topic, mapping, delivered } = mapped({ batchWindow: 2_000 })
    const stop = new AbortController()
    await topic.append(0, numbered('a', 1))
    const running = mapping.run(stop.signal)
    for (let waited = 0; waited < 2_000; waited += 500) {
      await expect.poll(() => clock.sleeping, { interval: 1 }).toBeGreaterThan(0)
      expect(delivered).toEqual([])
      clock.advance(500)
    }
    await expect.poll(() => delivered, { interval: 1 }).toEqual([['0: a0']])
    stop.abort()
    await running
  })

  it('repeats a failed delivery with growing pauses, for ever', async () => {
    const clock = new LeapingClock()
    const topic = new MemoryTopic({ topic: 'events', partitions: 1, clock })
    const stop = new AbortController()
    const tries: number[] = []
    const attempts: number[] = []
    const fail = failingTimes(12, new SluiceError('SQL_SINK_FAILED', 'later', { retryable: true }))
    const handler: Handler = async (payload, signal) => {
      tries.push(clock.time - 1_000)
      await fail(payload, signal)
      stop.abort()
    }
    await topic.append(0, numbered('a', 1))
    const onRetry = (_: unknown, attempt: number): void => void attempts.push(attempt)
    await new EventSourceMapping({ source: topic, clock, onRetry }, settings(), handler).run(stop.signal)
    const pauses = tries.slice(1).map((time, i) => time - tries[i]!)
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000])
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    expect(await topic.committed('g')).toEqual(new Map([[0, 1]]))
  })

  it('stops at an error that no retry can mend', async () => {
    const error = new SluiceError('TOPIC_RECREATED', 'other topic')
    const { topic, mapping } = mapped({}, 1, failingTimes(1, error))
    await topic.append(0, numbered('a', 1))
    await expect(mapping.run(new AbortController().signal)).rejects.toBe(error)
    expect(await topic.committed('g')).toEqual(new Map())
  })

  it('gives the handler its signal, and commits what still succeeds after an abort', async () => {
    const stop = new AbortController()
    let seen: AbortSignal | undefined
    const { topic, mapping } = mapped({}, 1, async (_, signal) => {
      seen = signal
      stop.abort()
    })
    await topic.append(0, numbered('a', 1))
    await mapping.run(stop.signal)
    expect(seen).toBe(stop.signal)
    expect(await topic.committed('g')).toEqual(new Map([[0, 1]]))
  })

  it('commits nothing when the handler gives up because of an abort, and resolves', async () => {
    const stop = new AbortController()
    const { topic, mapping } = mapped({}, 1, async (_, signal) => {
      stop.abort()
      signal.throwIfAborted()
    })
    await topic.append(0, numbered('a', 1))
    await mapping.run(stop.signal)
    expect(await topic.committed('g')).toEqual(new Map())
  })

  it('polls one at a time', async () => {
    const release = Promise.withResolvers<void>()
    const { topic, mapping } = mapped({}, 1, () => release.promise)
    await topic.append(0, numbered('a', 1))
    const polling = mapping.pollOnce()
    await expect(mapping.pollOnce()).rejects.toThrow('one poll of an event-source mapping at a time')
    release.resolve()
    expect(await polling).toBe(true)
  })
})

describe('Draining', () => {
  it('handles everything up to the end offsets, through failures and without waiting for windows', async () => {
    const clock = new LeapingClock()
    const topic = new MemoryTopic({ topic: 'events', partitions: 2, clock })
    await topic.append(0, numbered('a', 25))
    await topic.append(1, numbered('b', 5))
    const fail = failingTimes(2)
    const seen: string[] = []
    const handler: Handler = async (payload, signal) => {
      await fail(payload, signal)
      seen.push(...shown(payload))
    }
    const mapping = new EventSourceMapping(
      { source: topic, clock },
      settings({ batchSize: 10, batchWindow: 60_000 }),
      handler,
    )
    await mapping.drain(
      new Map([
        [0, 25],
        [1, 5],
      ]),
    )
    expect(seen.join(' ').match(/[ab]\d+/g)).toHaveLength(30)
    expect(await topic.committed('g')).toEqual(
      new Map([
        [0, 25],
        [1, 5],
      ]),
    )
    expect(clock.time).toBe(1_000 + 100 + 200)
  })

  it('waits for records that are still to come', async () => {
    const { topic, mapping, delivered } = mapped({}, 1)
    const draining = mapping.drain(new Map([[0, 2]]))
    await topic.append(0, numbered('a', 1))
    await expect.poll(() => delivered.length, { interval: 1 }).toBe(1)
    await topic.append(0, numbered('b', 1))
    await draining
    expect(delivered).toEqual([['0: a0'], ['0: b0']])
  })

  it('ends at a gap that nothing follows', async () => {
    const { topic, mapping, delivered } = mapped({}, 1)
    await topic.append(0, numbered('a', 1))
    topic.skipOffsets(0, 5)
    await mapping.drain(new Map([[0, 6]]))
    expect(delivered).toEqual([['0: a0']])
  })

  it('has nothing to do for partitions of others, or what has been handled', async () => {
    const { topic, mapping, delivered } = mapped({ partitions: [0] }, 2)
    await topic.append(0, numbered('a', 1))
    await mapping.drain(
      new Map([
        [0, 1],
        [1, 1_000],
      ]),
    )
    await mapping.drain(new Map([[0, 1]]))
    expect(delivered).toHaveLength(1)
  })

  it('rejects when it is aborted before the end', async () => {
    const { mapping } = mapped({}, 1)
    const stop = new AbortController()
    const draining = mapping.drain(new Map([[0, 1]]), stop.signal)
    stop.abort(new Error('stopped'))
    await expect(draining).rejects.toThrow('stopped')
  })

  it('stops at an error that no retry can mend', async () => {
    const { topic, mapping } = mapped({}, 1, failingTimes(1, new SluiceError('DISK_FULL', 'full')))
    await topic.append(0, numbered('a', 1))
    await expect(mapping.drain(new Map([[0, 1]]))).rejects.toMatchObject({ code: 'DISK_FULL' })
  })
})
