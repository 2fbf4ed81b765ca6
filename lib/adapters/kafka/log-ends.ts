import { listOffsetsV5 } from '@platformatic/kafka'
import type { Cluster } from './cluster.ts'

const COMMITTED = 1
const LATEST = -1n
const EARLIEST = -2n

/** One end of a partition's log: the first offset that it has, or the next one that it will give. */
export async function logBound(cluster: Cluster, partition: number, bound: 'first' | 'end'): Promise<number> {
  const bounds = await cluster.onLeader(partition, async (connection) => {
    const timestamp = bound === 'end' ? LATEST : EARLIEST
    const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }]
    const { topics } = await listOffsetsV5.api.async(connection, -1, COMMITTED, [{ name: cluster.topic, partitions }])
    return topics[0]!.partitions[0]!
  })
  return Number(bounds.offset)
}

/** The ends of all partitions' logs: one request a leader, however many partitions. */
export async function logEnds(cluster: Cluster): Promise<Float64Array> {
  return cluster.retrying(async () => {
    const nodes = await cluster.leaderNodes()
    const ends = new Float64Array(nodes.length)
    for (const node of new Set(nodes)) {
      const led = nodes.flatMap((leader, partition) => (leader === node ? [partition] : []))
      const { topics } = await cluster.onLeader(led[0]!, (connection) =>
        listOffsetsV5.api.async(connection, -1, COMMITTED, [
          {
            name: cluster.topic,
            partitions: led.map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp: LATEST })),
          },
        ]),
      )
      for (const { partitionIndex, offset } of topics[0]!.partitions) ends[partitionIndex] = Number(offset)
    }
    return ends
  })
}
