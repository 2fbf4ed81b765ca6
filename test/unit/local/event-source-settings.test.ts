import { describe, expect, it } from 'vitest'
import { EventSourceMapping, type MappingSettings } from '#local/event-source.ts'
import { mapped, settings } from './event-source-builders.ts'

describe('Settings that AWS refuses', () => {
  it.each<[Partial<MappingSettings>, string]>([
    [{ batchSize: 0 }, 'expected batchSize to be a whole number of records from 1 to 10,000, found 0.'],
    [{ batchSize: 10_001 }, 'found 10001.'],
    [{ batchSize: 1.5 }, 'found 1.5.'],
    [
      { batchWindow: 301_000 },
      'expected batchWindow to be whole seconds from 0 to 300, or the default of 500 ms, found 301000 ms.',
    ],
    [{ batchWindow: -1_000 }, 'found -1000 ms.'],
    [{ batchWindow: 250 }, 'found 250 ms.'],
    [{ maxPayload: 6 * 1024 * 1024 + 1 }, 'expected maxPayload to be 1 to 6291456 bytes (6 MiB), found 6291457.'],
    [{ maxPayload: 0 }, 'found 0.'],
    [{ group: '' }, 'expected group to be a consumer group of 1 to 200'],
    [{ group: 'my group' }, 'found "my group".'],
    [{ partitions: [0, 0] }, 'expected partitions to be distinct partitions, counted from 0, found [0, 0].'],
    [{ partitions: [-1] }, 'found [-1].'],
    [{ startingPosition: 'AT_TIMESTAMP' as 'LATEST' }, 'expected startingPosition to be TRIM_HORIZON or LATEST'],
  ])('%j are refused', (changes, message) => {
    const { topic, clock } = mapped()
    const create = (): unknown => new EventSourceMapping({ source: topic, clock }, settings(changes), async () => {})
    expect(create).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }))
    expect(create).toThrow(message)
    expect(create).toThrow('AWS would refuse it at deploy: change it.')
  })

  it.each<Partial<MappingSettings>>([
    { batchSize: 1 },
    { batchSize: 10_000, batchWindow: 300_000 },
    { batchWindow: 500 },
    { group: 'pipeline/stage.lake-1' },
  ])('do not include %j', (changes) => {
    expect(() => mapped(changes)).not.toThrow()
  })

  it('include partitions that the topic does not have, as soon as they are polled', async () => {
    const { mapping } = mapped({ partitions: [1, 5] })
    await expect(mapping.pollOnce()).rejects.toMatchObject({
      code: 'TOPIC_PARTITIONS_MISMATCH',
      message:
        'Expected topic "events" to have partition 5, found partitions 0 to 2. ' +
        'Deal this poller partitions that exist, or add partitions to the topic.',
    })
  })
})
