import { SluiceError } from '#core/errors.ts'
import { murmur2 } from '#core/hash.ts'
import type { EpochMillis } from '#core/time.ts'
import type { RecordBatch } from '#schema/record-batch.ts'

/** What a fence remembers of the record it stands on, to notice a topic that was deleted and created again. */
export interface LastRecord {
  readonly offset: number
  readonly appendTime: EpochMillis
  readonly hash: number
}

export function lastRecordOf(records: RecordBatch): LastRecord {
  return recordAt(records, records.count - 1)
}

function recordAt(records: RecordBatch, index: number): LastRecord {
  const start = records.valueStarts[index]!
  return {
    offset: records.offsets[index]!,
    appendTime: records.timestamps[index]!,
    hash: start < 0 ? 0 : murmur2(records.buffer, start, records.valueEnds[index]!),
  }
}

/**
 * Index of the first record above the fence; `count` when all are applied. Offsets must ascend: an unordered delivery (share
 * groups) would make the fence unsound.
 *
 * @throws SluiceError OFFSETS_DESCEND, TOPIC_RECREATED
 */
export function firstAbove(records: RecordBatch, last: LastRecord | null): number {
  const { offsets, count } = records
  for (let i = 1; i < count; i++) {
    if (offsets[i]! > offsets[i - 1]!) continue
    throw new SluiceError(
      'OFFSETS_DESCEND',
      `Offsets of ${records.topic}/${records.partition} must ascend within a batch, but ${offsets[i]} follows ` +
        `${offsets[i - 1]}. Deliver the partition in order (no share group, no queue mode).`,
    )
  }
  if (last === null) return 0
  let first = 0
  while (first < count && offsets[first]! <= last.offset) {
    if (offsets[first] === last.offset) refuseRecreated(records, recordAt(records, first), last)
    first++
  }
  return first
}

function refuseRecreated(records: RecordBatch, found: LastRecord, last: LastRecord): void {
  if (found.hash === last.hash || found.appendTime <= last.appendTime) return
  throw topicRecreated(records.topic, records.partition, last.offset)
}

export function topicRecreated(topic: string, partition: number, offset: number): SluiceError {
  return new SluiceError(
    'TOPIC_RECREATED',
    `Topic ${topic}, partition ${partition}: the record at offset ${offset} is not the one that was applied. ` +
      'The topic was deleted and created again, so its offsets mean other records. Stop here, and start with an empty data folder.',
    { details: { topic, partition, offset } },
  )
}
