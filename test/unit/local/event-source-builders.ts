import { MemoryTopic } from '#adapters/memory/topic.ts'
import { EventSourceMapping, type Handler, type MappingSettings } from '#local/event-source.ts'
import type { RecordSource } from '#ports/record-source.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { ManualClock, valuesOf } from '../../contract/record-source-builders.ts'

export const settings = (changes: Partial<MappingSettings> = {}): MappingSettings => ({
  group: 'g',
  batchSize: 100,
  batchWindow: 0,
  ...changes,
})

/** A payload as `partition: values`, in order. */
export const shown = (payload: readonly RecordBatch[]): string[] =>
  payload.map((batch) => `${batch.partition}: ${valuesOf(batch).join(' ')}`)

/** A topic, a mapping on it, and what the mapping delivered. */
export function mapped(changes: Partial<MappingSettings> = {}, partitions = 3, before: Handler = async () => {}) {
  const clock = new ManualClock()
  const topic = new MemoryTopic({ topic: 'events', partitions, clock })
  const delivered: string[][] = []
  const handler: Handler = async (payload, signal) => {
    await before(payload, signal)
    delivered.push(shown(payload))
  }
  const mapping = new EventSourceMapping({ source: topic, clock }, settings(changes), handler)
  return { clock, topic, mapping, delivered }
}

export const failingTimes = (times: number, error: unknown = new Error('no')): Handler => {
  let left = times
  return async () => {
    if (left-- > 0) throw error
  }
}

/** The same source, with some of its methods replaced. */
export const changed = (source: RecordSource, changes: Partial<RecordSource>): RecordSource => ({
  topic: source.topic,
  partitionCount: () => source.partitionCount(),
  endOffset: (partition) => source.endOffset(partition),
  endOffsets: () => source.endOffsets(),
  read: (partition, from, limits) => source.read(partition, from, limits),
  wait: (timeout, signal) => source.wait(timeout, signal),
  committed: (group) => source.committed(group),
  commit: (group, partition, offset) => source.commit(group, partition, offset),
  close: () => source.close(),
  ...changes,
})
