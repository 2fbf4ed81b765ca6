import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryTopic } from '#adapters/memory/topic.ts'
import { fromKafkaEvent, type KafkaEvent, toKafkaEvent } from '#local/kafka-event.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { keysOf, ManualClock, newRecords, type TextRecord, valuesOf } from '../../contract/record-source-builders.ts'

async function batchOf(partition: number, records: readonly TextRecord[]): Promise<RecordBatch> {
  const topic = new MemoryTopic({ topic: 'crimes', partitions: 4, clock: new ManualClock(1_545_084_650_987) })
  topic.skipOffsets(partition, 15)
  await topic.append(partition, newRecords(records))
  return (await topic.read(partition, 0, { maxRecords: 100, maxBytes: 1e6 }))!
}

const contents = (batch: RecordBatch): unknown => ({
  place: [batch.topic, batch.partition, batch.count],
  offsets: [...batch.offsets],
  timestamps: [...batch.timestamps],
  keys: keysOf(batch),
  values: valuesOf(batch),
  headers: batch.headers?.map((list) => list?.map(({ name, value }) => [name, value && [...value]]) ?? null) ?? null,
})

describe('The event of a payload', () => {
  it('is what Lambda sends: base64, null keys and tombstones, headers as numbers, a key per partition', async () => {
    const headers = [
      { name: 'hello', value: Uint8Array.of(104, 255) },
      { name: 'hello', value: null },
    ]
    const payload = [
      await batchOf(0, [{ key: 'key', value: '{"a":1}', headers }]),
      await batchOf(3, [
        { key: null, value: null },
        { key: '', value: '' },
      ]),
    ]
    const common = { topic: 'crimes', timestamp: 1_545_084_650_987, timestampType: 'LOG_APPEND_TIME' }
    expect(JSON.parse(JSON.stringify(toKafkaEvent(payload)))).toEqual({
      eventSource: 'SelfManagedKafka',
      bootstrapServers: 'localhost:9092',
      records: {
        'crimes-0': [
          {
            ...common,
            partition: 0,
            offset: 15,
            key: 'a2V5',
            value: 'eyJhIjoxfQ==',
            headers: [{ hello: [104, 255] }, { hello: null }],
          },
        ],
        'crimes-3': [
          { ...common, partition: 3, offset: 15, key: null, value: null, headers: [] },
          { ...common, partition: 3, offset: 16, key: '', value: '', headers: [] },
        ],
      },
    })
  })

  it('names the cluster when it is one of MSK', () => {
    const event = toKafkaEvent([], { eventSourceArn: 'arn:aws:kafka:x', bootstrapServers: 'b-1:9098,b-2:9098' })
    expect(event).toEqual({
      eventSource: 'aws:kafka',
      eventSourceArn: 'arn:aws:kafka:x',
      bootstrapServers: 'b-1:9098,b-2:9098',
      records: {},
    })
  })

  it('becomes the same payload again', async () => {
    const text = fc.option(fc.string({ maxLength: 12, unit: 'grapheme' }))
    const header = fc.record({ name: fc.string({ maxLength: 5 }), value: fc.option(fc.uint8Array({ maxLength: 5 })) })
    const record = fc.record({ key: text, value: text, headers: fc.option(fc.array(header, { maxLength: 3 })) })
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 6 }), async (records) => {
        const payload = [await batchOf(1, records as TextRecord[]), await batchOf(2, [{ value: 'x' }])]
        const event: KafkaEvent = JSON.parse(JSON.stringify(toKafkaEvent(payload)))
        expect(fromKafkaEvent(event).map(contents)).toEqual(payload.map(contents))
      }),
    )
  })

  it('may leave out keys, values and headers, and have signed bytes in headers', () => {
    const plain = { topic: 't', partition: 0, timestamp: 5, timestampType: 'CREATE_TIME' } as const
    const records = [
      { ...plain, offset: 1 },
      { ...plain, offset: 2, value: 'dg==', headers: null },
      { ...plain, offset: 3, headers: [{ h: [-1, 127, -128] }] },
    ]
    const [batch] = fromKafkaEvent({
      eventSource: 'SelfManagedKafka',
      bootstrapServers: '',
      records: { 't-0': records },
    })
    expect(contents(batch!)).toEqual({
      place: ['t', 0, 3],
      offsets: [1, 2, 3],
      timestamps: [5, 5, 5],
      keys: [null, null, null],
      values: [null, 'v', null],
      headers: [null, null, [['h', [255, 127, 128]]]],
    })
  })
})
