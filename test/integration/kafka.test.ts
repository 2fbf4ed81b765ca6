import { Admin, type Connection, NetworkError, Producer } from '@platformatic/kafka'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Cluster } from '#adapters/kafka/cluster.ts'
import { PartitionProducer } from '#adapters/kafka/producer.ts'
import { KafkaRecordSource, KafkaTopicWriter } from '#adapters/kafka/topic.ts'
import { writeBatch } from '#adapters/kafka/write-batch.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { EventSourceMapping } from '#local/event-source.ts'
import { readableEnds } from '#local/readable-ends.ts'
import type { NewRecords } from '#schema/record-batch.ts'
import { recordSourceContract } from '../contract/record-source.ts'
import { ManualClock, newRecords, numbered, offsetsOf, valuesOf } from '../contract/record-source-builders.ts'

const brokers = process.env['KAFKA_BROKERS']?.split(',') ?? []
let topics = 0
const freshTopic = (): string => `sluice-test-${process.pid}-${Date.now()}-${topics++}`

describe.skipIf(brokers.length === 0)('Kafka at KAFKA_BROKERS', () => {
  recordSourceContract('A Kafka topic', async () => {
    const clock = new ManualClock()
    const name = freshTopic()
    const writer = await KafkaTopicWriter.open({ brokers, name, partitions: 3, clock })
    const source = await KafkaRecordSource.open({ brokers, name, clock })
    return {
      name,
      source,
      writer,
      clock,
      async close() {
        await source.close()
        await writer.close()
      },
    }
  })

  const opened = async (partitions = 1) => {
    const name = freshTopic()
    const writer = await KafkaTopicWriter.open({ brokers, name, partitions, clock: systemClock })
    const source = await KafkaRecordSource.open({ brokers, name, clock: systemClock })
    onTestFinished(async () => {
      await source.close()
      await writer.close()
    })
    return { name, writer, source }
  }

  const anotherWriter = async (name: string): Promise<KafkaTopicWriter> => {
    const writer = await KafkaTopicWriter.open({ brokers, name, clock: systemClock })
    onTestFinished(() => writer.close())
    return writer
  }

  /** Records whose values are so many digits that no two blocks of them are alike. */
  const digits = (count: number, length: number): NewRecords =>
    newRecords(
      Array.from({ length: count }, (_, i) => {
        let value = ''
        for (let state = i + 1; value.length < length; ) {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
          value += String(state >>> 0)
        }
        return { value: value.slice(0, length) }
      }),
    )

  it('keeps a topic as it is, however many partitions are asked for', async () => {
    const { name } = await opened(2)
    const again = await KafkaTopicWriter.open({ brokers, name, partitions: 7, clock: systemClock })
    expect(again.partitions).toBe(2)
    await again.close()
  })

  it('refuses to read a topic that is not there', async () => {
    const name = freshTopic()
    await expect(KafkaRecordSource.open({ brokers, name, clock: systemClock })).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
      message: `Expected topic "${name}" at ${brokers.join(', ')}, found none. Create it, or correct its name.`,
    })
  })

  it('gives the same object to whoever reads the same again, also at the end of the log', async () => {
    const { source, writer } = await opened()
    for (const prefix of ['a', 'b', 'c']) await writer.append(0, numbered(prefix, 100))
    const limits = { maxRecords: 90, maxBytes: 1_000_000 }
    const first = await source.read(0, 0, limits)
    expect(await source.read(0, 0, limits)).toBe(first)
    const second = await source.read(0, 90, limits)
    expect(second!.buffer).toBe(first!.buffer)
    expect(await source.read(0, 90, limits)).toBe(second)
    expect(await source.read(0, 0, limits)).toBe(first)
    const last = await source.read(0, 250, limits)
    expect(last!.count).toBe(50)
    const [again, andAgain] = await Promise.all([source.read(0, 250, limits), source.read(0, 250, limits)])
    expect([again === last, andAgain === last]).toEqual([true, true])
    await writer.append(0, numbered('d', 1))
    expect((await source.read(0, 250, limits))!.count).toBe(51)
  })

  it('takes an append larger than a batch may be, whole', async () => {
    const { name, source, writer } = await opened()
    const records = digits(3_000, 600)
    await writer.append(0, records, { source: 's', position: 1 })
    const batch = await source.read(0, 0, { maxRecords: 5_000, maxBytes: 10_000_000 })
    expect(batch!.count).toBe(3_000)
    expect(Buffer.from(records.buffer).equals(Buffer.from(valuesOf(batch).join('')))).toBe(true)
    expect(await (await anotherWriter(name)).positions('s')).toEqual([1])
  })

  it('refuses an append that is too large even compressed, and appends nothing of it', async () => {
    const { source, writer } = await opened()
    await expect(writer.append(0, digits(10_000, 600), { source: 's', position: 1 })).rejects.toMatchObject({
      code: 'APPEND_TOO_LARGE',
      retryable: false,
      message: expect.stringMatching(
        /^Expected an append that the broker takes into topic ".*", found one of \d{7} bytes that is too large even compressed\./,
      ),
    })
    expect(await source.endOffsets()).toEqual([0])
    await writer.append(0, numbered('a', 1), { source: 's', position: 2 })
    expect(await writer.positions('s')).toEqual([2])
  })

  it('meets the limits of a read that takes several fetches', async () => {
    const { source, writer } = await opened()
    for (let i = 0; i < 4; i++) await writer.append(0, digits(1_500, 600))
    const batch = await source.read(0, 100, { maxRecords: 5_000, maxBytes: 100_000_000 })
    expect(offsetsOf(batch)).toEqual(Array.from({ length: 5_000 }, (_, i) => 100 + i))
    const [some] = await Promise.all([source.read(0, 5_990, { maxRecords: 20, maxBytes: 1_000 })])
    expect(some!.count).toBe(1)
  })

  it('finds the positions of sources whose appends are mixed, after a crash and after a clean end', async () => {
    const { name, writer } = await opened(2)
    for (let i = 1; i <= 20; i++) {
      await writer.append(0, numbered('a', 3), { source: 'a', position: i * 10 })
      if (i <= 5) await writer.append(0, numbered('b', 1), { source: 'b', position: i })
    }
    await writer.append(1, numbered('b', 1), { source: 'b', position: 7 })
    // `writer` has set no bookmark yet.
    const crashed = await anotherWriter(name)
    expect([await crashed.positions('a'), await crashed.positions('b')]).toEqual([
      [200, undefined],
      [5, 7],
    ])
    await writer.positions('a')
    await writer.append(0, numbered('a', 1), { source: 'a', position: 210 })
    expect(await crashed.positions('a')).toEqual([210, undefined])
    expect(await crashed.positions('c')).toEqual([undefined, undefined])
  })

  it('hides the header that carries the position', async () => {
    const { source, writer } = await opened()
    const headers = [{ name: 'trace', value: Uint8Array.of(1) }]
    await writer.append(0, newRecords([{ value: 'a' }, { value: 'b', headers }]), { source: 's', position: 1 })
    await writer.append(0, numbered('c', 1), { source: 's', position: 2 })
    const batch = await source.read(0, 0, { maxRecords: 10, maxBytes: 1_000 })
    expect(batch!.headers!.map((list) => list?.map((header) => header.name) ?? null)).toEqual([null, ['trace'], null])
  })

  it('shares offsets with every other client of a group', async () => {
    const { name, source } = await opened(3)
    await source.commit(name, 2, 5)
    const other = await KafkaRecordSource.open({ brokers, name, clock: systemClock })
    expect(await other.committed(name)).toEqual(new Map([[2, 5]]))
    await other.close()
  })

  it('reads what transactions have committed, over the gaps that they leave, and nothing that was aborted', async () => {
    const { name, source } = await opened()
    const producer = new Producer({
      clientId: 'test',
      bootstrapBrokers: [...brokers],
      transactionalId: name,
      idempotent: true,
    })
    onTestFinished(() => producer.close())
    const send = async (values: readonly string[], end: 'commit' | 'abort'): Promise<void> => {
      const transaction = await producer.beginTransaction()
      for (const value of values) {
        await transaction.send({ messages: [{ topic: name, partition: 0, value: Buffer.from(value) }] })
      }
      await transaction[end]()
    }
    await send(['a', 'b'], 'commit')
    await send(['c'], 'abort')
    await send(['d'], 'commit')
    const limits = { maxRecords: 10, maxBytes: 1_000 }
    await expect.poll(async () => valuesOf(await source.read(0, 0, limits))).toEqual(['a', 'b', 'd'])
    expect(offsetsOf(await source.read(0, 0, limits))).toEqual([0, 1, 5])
    expect(offsetsOf(await source.read(0, 2, limits))).toEqual([5])
    expect(await source.endOffsets()).toEqual([7])
    expect(await source.read(0, 6, limits)).toBeUndefined()
    expect(await readableEnds(source, new Map([[0, 5]]))).toEqual([6])
    expect(await source.read(0, 100, limits)).toBeUndefined()
  })

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'reads batches that were compressed with %s',
    async (compression) => {
      const { name, source, writer } = await opened()
      const producer = new Producer({ clientId: 'test', bootstrapBrokers: [...brokers] })
      onTestFinished(() => producer.close())
      await writer.append(0, numbered('a', 2))
      const messages = ['b', 'c', 'd'].map((text) => ({
        topic: name,
        partition: 0,
        key: Buffer.from(text),
        value: Buffer.from(text.repeat(100)),
        timestamp: 1_700_000_000_000n,
      }))
      await producer.send({ messages, compression, acks: -1 })
      await writer.append(0, numbered('e', 1))
      const batch = await source.read(0, 1, { maxRecords: 10, maxBytes: 10_000 })
      expect(valuesOf(batch)).toEqual(['a1', 'b'.repeat(100), 'c'.repeat(100), 'd'.repeat(100), 'e0'])
      expect([...batch!.timestamps.subarray(1, 4)]).toEqual([1_700_000_000_000, 1_700_000_000_000, 1_700_000_000_000])
    },
  )

  /** Loses the broker's answers, as a connection does that breaks at the wrong moment. */
  class LosingCluster extends Cluster {
    answersToLose = 0

    override onLeader<Answer>(partition: number, ask: (connection: Connection) => Promise<Answer>, patience?: number) {
      return super.onLeader(
        partition,
        async (connection) => {
          const answer = await ask(connection)
          if (this.answersToLose-- > 0) throw new NetworkError('the answer is lost')
          return answer
        },
        patience,
      )
    }
  }

  it('appends a batch once, though the answers of the broker are lost', async () => {
    const { name, source } = await opened()
    const cluster = new LosingCluster(brokers, name)
    onTestFinished(() => cluster.close())
    const producer = new PartitionProducer(cluster, 0)
    for (let i = 1; i <= 3; i++) {
      cluster.answersToLose = i
      await producer.append(writeBatch(numbered(`${i}-`, 2), 0, undefined), 2)
    }
    const batch = await source.read(0, 0, { maxRecords: 100, maxBytes: 10_000 })
    expect(valuesOf(batch)).toEqual(['1-0', '1-1', '2-0', '2-1', '3-0', '3-1'])
  })

  it('reads partitions that are added to the topic while it is open', async () => {
    const { name, source, writer } = await opened(1)
    await writer.append(0, numbered('a', 1))
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...brokers] })
    onTestFinished(() => admin.close())
    await admin.createPartitions({ topics: [{ name, count: 3, assignments: null }] })
    await expect.poll(() => source.partitionCount()).toBe(3)
    const wider = await anotherWriter(name)
    await wider.append(2, numbered('b', 2))
    expect(await source.endOffsets()).toEqual([1, 0, 2])
    expect(valuesOf(await source.read(2, 0, { maxRecords: 10, maxBytes: 1_000 }))).toEqual(['b0', 'b1'])
  })

  it('is a source for a mapping that was not dealt partitions: it delivers those that are added', async () => {
    const { name, source, writer } = await opened(1)
    const clock = new ManualClock()
    const delivered: (string | null)[] = []
    const settings = { group: name, batchSize: 10, batchWindow: 0 }
    const mapping = new EventSourceMapping({ source, clock }, settings, async (payload) => {
      for (const batch of payload) delivered.push(...valuesOf(batch))
    })
    await writer.append(0, numbered('a', 1))
    await mapping.pollOnce()
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...brokers] })
    onTestFinished(() => admin.close())
    await admin.createPartitions({ topics: [{ name, count: 2, assignments: null }] })
    await (await anotherWriter(name)).append(1, numbered('b', 1))
    clock.advance(30_000)
    await expect.poll(() => mapping.pollOnce()).toBe(true)
    expect(delivered).toEqual(['a0', 'b0'])
  })

  it('ends a wait when a partition that somebody reads grows, and not for another one', async () => {
    const { source, writer } = await opened(2)
    await writer.append(0, numbered('a', 1))
    const limits = { maxRecords: 10, maxBytes: 1_000 }
    await source.read(0, 0, limits)
    let ended = false
    const waiting = source.wait(60_000).then(() => {
      ended = true
    })
    await writer.append(1, numbered('b', 1))
    expect(await source.endOffsets()).toEqual([1, 1])
    expect(ended).toBe(false)
    await writer.append(0, numbered('c', 1))
    await waiting
    expect(valuesOf(await source.read(0, 1, limits))).toEqual(['c0'])
  })
})
