import type { RecordSource } from '#ports/record-source.ts'

const ONE_RECORD = { maxRecords: 1, maxBytes: 1 }

/**
 * The end offsets of a topic, without what nobody will ever read: the marker that ends a transaction takes an offset, and
 * compaction leaves gaps. A partition with nothing but such offsets after the last applied record ends with that record, so that
 * it counts as caught up.
 *
 * `applied`: offset of the last applied record by partition. `looks` says which partitions are worth a look; default: all. Costs one
 * small read for each of those with offsets left.
 */
export async function readableEnds(
  source: RecordSource,
  applied: ReadonlyMap<number, number>,
  looks: (partition: number) => boolean = () => true,
): Promise<readonly number[]> {
  // Before the reads: a record that is appended meanwhile must not hide one that was there.
  const ends = await source.endOffsets()
  return Promise.all(
    ends.map(async (end, partition) => {
      const next = (applied.get(partition) ?? -1) + 1
      if (next >= end || !looks(partition)) return end
      return (await source.read(partition, next, ONE_RECORD)) === undefined ? next : end
    }),
  )
}

/** The same, asked again and again: looks only where nothing was applied since the last call. */
export class ReadableEnds {
  readonly #source: RecordSource
  #before: ReadonlyMap<number, number> = new Map()

  constructor(source: RecordSource) {
    this.#source = source
  }

  of(applied: ReadonlyMap<number, number>): Promise<readonly number[]> {
    const before = this.#before
    this.#before = new Map(applied)
    return readableEnds(this.#source, applied, (partition) => applied.get(partition) === before.get(partition))
  }
}
