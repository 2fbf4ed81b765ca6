import { stateCorrupt } from '#adapters/sqlite/sqlite-error.ts'
import { SluiceError } from '#core/errors.ts'
import { consumerGroup } from '#local/stage-loop.ts'
import type { RecordSource } from '#ports/record-source.ts'
import { acceptedItems } from '#runtime/accepted.ts'
import { lakeGroup, progressGroup } from '#runtime/keys.ts'
import { listProgress } from '#runtime/progress.ts'
import type { Runtime } from '#runtime/runtime.ts'

/**
 * Sees that the topic still has every record that was applied. Where its end was cut off, or it was made anew, records that
 * come next would get offsets that are behind the fences, and be passed over in silence.
 *
 * Cost: two reads of the state.
 *
 * @throws SluiceError TOPIC_RECREATED
 */
export async function checkTopicHasApplied(runtime: Runtime, source: RecordSource): Promise<void> {
  const ends = await source.endOffsets()
  for (const fences of Object.values(await fencesOf(runtime))) {
    for (const [partition, applied] of fences) {
      const end = ends[partition] ?? 0
      if (applied < end) continue
      throw new SluiceError(
        'TOPIC_RECREATED',
        `Expected topic ${source.topic} to have ${applied + 1} records in partition ${partition}, which were applied, found ` +
          `${end}: its end was cut off, or it was deleted and created again. Restore the topic from a copy, or start with an ` +
          'empty data folder and feed the inputs again.',
        { details: { topic: source.topic, partition, expected: applied + 1, found: end } },
      )
    }
  }
}

/**
 * Sees that the state knows of every record that a consumer of the embedded topic has finished with: a state file that is older
 * than the topic beside it would leave out what lies between.
 *
 * @throws SluiceError STATE_CORRUPT
 */
export async function checkStateIsCurrent(runtime: Runtime, source: RecordSource, stateFile: string): Promise<void> {
  for (const [stage, fences] of Object.entries(await fencesOf(runtime))) {
    for (const [partition, next] of await source.committed(consumerGroup(runtime, stage))) {
      const applied = fences.get(partition) ?? -1
      if (next - 1 > applied) {
        throw stateCorrupt(
          stateFile,
          `an older one, which lacks records from offset ${applied + 1} of partition ${partition}`,
        )
      }
    }
  }
}

/** By stage and partition the offset of the last record that was applied. */
async function fencesOf(runtime: Runtime): Promise<Readonly<Record<string, ReadonlyMap<number, number>>>> {
  const accepted = await acceptedItems(runtime.state, lakeGroup(runtime)).list()
  const progress = await listProgress(runtime.state, progressGroup(runtime))
  const lake = [...accepted].flatMap(([partition, { body }]) =>
    body === null ? [] : [[partition, body.last.offset] as const],
  )
  const windows = [...progress].map(([partition, { last }]) => [partition, last.offset] as const)
  return { lake: new Map(lake), windows: new Map(windows) }
}
