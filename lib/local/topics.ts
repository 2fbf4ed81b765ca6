import { TopicLog, TopicLogReader } from '#local/topic-log.ts'
import type { Clock } from '#ports/clock.ts'
import type { RecordSource, TopicWriter } from '#ports/record-source.ts'

/** Where the pipeline's topic is. Plain data, so that it can be handed to a worker thread. */
export type TopicLocation =
  | { readonly kind: 'embedded'; readonly folder: string; readonly name: string; readonly partitions: number }
  | { readonly kind: 'kafka'; readonly brokers: readonly string[]; readonly name: string; readonly partitions: number }

/** A topic that is opened for writing, and for reading in the same thread. */
export interface OpenTopic {
  readonly source: RecordSource
  readonly writer: TopicWriter
  close(): Promise<void>
}

/** Creates the topic if it is missing. @throws SluiceError TOPIC_PARTITIONS_MISMATCH, BROKER_UNREACHABLE */
export async function openTopic(location: TopicLocation, clock: Clock): Promise<OpenTopic> {
  if (location.kind === 'embedded') {
    const log = await TopicLog.open({ ...location, clock })
    return { source: log, writer: log, close: () => log.close() }
  }
  const { KafkaTopicWriter, KafkaRecordSource } = await import('#adapters/kafka/topic.ts')
  const writer = await KafkaTopicWriter.open({ ...location, clock })
  const source = await KafkaRecordSource.open({ ...location, clock })
  return {
    source,
    writer,
    async close() {
      await source.close()
      await writer.close()
    },
  }
}

/** The id of the Kafka cluster that the topic is on; null for the embedded topic. @throws SluiceError BROKER_UNREACHABLE */
export async function topicCluster(location: TopicLocation): Promise<string | null> {
  if (location.kind === 'embedded') return null
  const { kafkaClusterId } = await import('#adapters/kafka/topic.ts')
  return kafkaClusterId(location.brokers, location.name)
}

/** The reading side only, for a worker thread. */
export async function openSource(location: TopicLocation, clock: Clock): Promise<RecordSource> {
  if (location.kind === 'embedded') return TopicLogReader.open({ ...location, clock })
  const { KafkaRecordSource } = await import('#adapters/kafka/topic.ts')
  return KafkaRecordSource.open({ ...location, clock })
}
