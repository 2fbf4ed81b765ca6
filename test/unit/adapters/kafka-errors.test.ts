import { MultipleErrors, NetworkError, ProtocolError } from '@platformatic/kafka'
import { describe, expect, it } from 'vitest'
import { faultOf, kafkaError } from '#adapters/kafka/kafka-error.ts'
import { KafkaRecordSource, KafkaTopicWriter } from '#adapters/kafka/topic.ts'
import { systemClock } from '#adapters/system/clock.ts'

describe('A Kafka topic', () => {
  const nobody = { brokers: ['127.0.0.1:1', 'localhost:1'], name: 'events', clock: systemClock }
  const unreachable = {
    code: 'BROKER_UNREACHABLE',
    retryable: true,
    message:
      'Expected a Kafka broker at 127.0.0.1:1, localhost:1 to serve topic "events", got no answer ' +
      '(connect ECONNREFUSED 127.0.0.1:1). Start it, or correct its address; a retry may succeed.',
  }

  it('whose brokers are down is named with them, to read and to write', async () => {
    const [read, write] = await Promise.allSettled([KafkaRecordSource.open(nobody), KafkaTopicWriter.open(nobody)])
    expect(read).toMatchObject({ reason: unreachable })
    expect(write).toMatchObject({ reason: unreachable })
  })

  it.each(['', 'a b', 'host:port', 'host:123456', 'a:1:2'])(
    'refuses %j for the address of a broker',
    async (broker) => {
      await expect(KafkaRecordSource.open({ ...nobody, brokers: [broker] })).rejects.toMatchObject({
        code: 'BROKER_UNREACHABLE',
        retryable: false,
        message: `A broker's address is host or host:port, found "${broker}". Correct it.`,
      })
    },
  )

  it.each(['', '..', 'a b', 'a'.repeat(250)])('refuses %j for a name', async (name) => {
    await expect(KafkaTopicWriter.open({ ...nobody, name })).rejects.toMatchObject({
      code: 'NAME_INVALID',
      message: `A topic's name has 1 to 249 of the characters A-Z a-z 0-9 . _ -, found "${name}". Rename it as Kafka accepts it.`,
    })
  })
})

describe('An answer of Kafka', () => {
  it('that forbids is refused for good, with its words', () => {
    const fault = faultOf(new MultipleErrors('', [new ProtocolError('TOPIC_AUTHORIZATION_FAILED')]))!
    expect(kafkaError(['b:1'], 'events', fault)).toMatchObject({
      code: 'BROKER_REFUSED',
      retryable: false,
      message: expect.stringMatching(
        /^Expected Kafka at b:1 to serve topic "events", it refused \(TOPIC_AUTHORIZATION_FAILED: .*\)\. Correct the cause; a retry will not help\.$/,
      ),
    })
  })

  it.each([
    'NOT_LEADER_OR_FOLLOWER',
    'LEADER_NOT_AVAILABLE',
    'COORDINATOR_LOAD_IN_PROGRESS',
    'NOT_COORDINATOR',
    'REQUEST_TIMED_OUT',
    'NOT_ENOUGH_REPLICAS',
    'BROKER_NOT_AVAILABLE',
  ])('%s passes', (id) => {
    expect(faultOf(new ProtocolError(id))).toMatchObject({ id, retryable: true })
  })

  it('that never came may come yet', () => {
    const cause = new Error('connect ECONNREFUSED ::1:9092')
    expect(faultOf(new NetworkError('Connection failed.', { cause }))).toEqual({
      id: null,
      message: 'connect ECONNREFUSED ::1:9092',
      retryable: true,
    })
  })

  it('is told from a mistake of the program', () => {
    expect(faultOf(new TypeError('x is not a function'))).toBeUndefined()
  })
})
