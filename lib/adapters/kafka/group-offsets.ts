import { offsetCommitV7, offsetFetchV5 } from '@platformatic/kafka'
import type { Millis } from '#core/time.ts'
import type { Cluster } from './cluster.ts'

/** A broker that has just started, or has never had a group, makes the topic of group offsets first. */
const GROUP_PATIENCE: Millis = 15_000
/** Of a client that is no member of the group: it needs no protocol to share partitions out, the caller does that. */
const NO_GENERATION = -1

export interface GroupOffset {
  readonly offset: number
  readonly metadata: string
}

/** What a group has committed of each partition of the cluster's topic. */
export async function fetchGroupOffsets(cluster: Cluster, group: string): Promise<ReadonlyMap<number, GroupOffset>> {
  const partitionIndexes = Array.from({ length: await cluster.partitionCount() }, (_, partition) => partition)
  const groups = [{ groupId: group, topics: [{ name: cluster.topic, partitionIndexes }] }]
  const response = await cluster.onCoordinator(
    group,
    (connection) => offsetFetchV5.api.async(connection, groups, false),
    GROUP_PATIENCE,
  )
  const offsets = new Map<number, GroupOffset>()
  for (const { partitions } of response.topics) {
    for (const { partitionIndex, committedOffset, metadata } of partitions) {
      if (committedOffset >= 0n)
        offsets.set(partitionIndex, { offset: Number(committedOffset), metadata: metadata ?? '' })
    }
  }
  return offsets
}

export async function commitGroupOffsets(
  cluster: Cluster,
  group: string,
  offsets: ReadonlyMap<number, GroupOffset>,
): Promise<void> {
  const partitions = [...offsets].map(([partitionIndex, { offset, metadata }]) => ({
    partitionIndex,
    committedOffset: BigInt(offset),
    committedLeaderEpoch: -1,
    committedMetadata: metadata,
  }))
  await cluster.onCoordinator(
    group,
    (connection) =>
      offsetCommitV7.api.async(connection, group, NO_GENERATION, '', null, [{ name: cluster.topic, partitions }]),
    GROUP_PATIENCE,
  )
}
