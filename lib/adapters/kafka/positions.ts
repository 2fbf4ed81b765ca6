import type { Bytes } from '#core/time.ts'
import type { SourcePosition } from '#ports/record-source.ts'
import type { Chunk } from './chunk.ts'
import type { Cluster } from './cluster.ts'
import { fetchPartitions } from './fetch.ts'
import { commitGroupOffsets, fetchGroupOffsets, type GroupOffset } from './group-offsets.ts'
import { logBound } from './log-ends.ts'
import { readBatches } from './read-batches.ts'
import { readPosition } from './record-headers.ts'

const FETCH_BYTES: Bytes = 4 * 1024 * 1024
const AT_ONCE = 3

/** A bookmark is set when so much has been appended since the last one. */
const MARK_EVERY: Bytes = 16 * 1024 * 1024

/** `headless`: it came without records, so no header in the log bears it out. */
interface Mark {
  readonly position: number
  readonly headless: boolean
}

interface Progress {
  readonly position: number
  readonly next: number
  /** Appended since the last bookmark. */
  readonly bytes: Bytes
}

/**
 * Where sources stand. The truth is in the log: the last record of every append carries a header with the position. So that the
 * search for it needn't begin at the log's start, bookmarks are kept as the offsets of a consumer group named for the source:
 * the offset after an append, and the append's position. One that is missing costs time, nothing else.
 */
export class Positions {
  readonly #cluster: Cluster
  /** By source, then by partition: what has been appended since the writer was opened. */
  readonly #progress = new Map<string, Map<number, Progress>>()
  #marking: Promise<void> = Promise.resolve()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Cost: reads what follows the bookmark; the whole log for a source that it holds nothing of. */
  async of(source: string): Promise<readonly (number | undefined)[]> {
    await this.settle()
    const marks = await fetchGroupOffsets(this.#cluster, groupOf(source))
    const found: (number | undefined)[] = new Array(await this.#cluster.partitionCount()).fill(undefined)
    const left = found.map((_, partition) => partition)
    const search = async (): Promise<void> => {
      for (let partition = left.shift(); partition !== undefined; partition = left.shift()) {
        found[partition] = await this.#search(source, partition, marks.get(partition))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, search))
    return found
  }

  /** Takes note of an append that is durable. */
  appended(partition: number, at: SourcePosition, next: number, bytes: Bytes): void {
    if (next < 0) return
    const partitions = this.#progress.get(at.source) ?? new Map<number, Progress>()
    this.#progress.set(at.source, partitions)
    const sum = (partitions.get(partition)?.bytes ?? 0) + bytes
    partitions.set(partition, { position: at.position, next, bytes: sum < MARK_EVERY ? sum : 0 })
    if (sum >= MARK_EVERY) this.#markLater(at.source, new Map([[partition, markAt(at.position, next, false)]]))
  }

  /** Keeps a position that came without records. */
  async keep(partition: number, { source, position }: SourcePosition): Promise<void> {
    await this.settle()
    const end = await logBound(this.#cluster, partition, 'end')
    this.#progress.get(source)?.delete(partition)
    await commitGroupOffsets(this.#cluster, groupOf(source), new Map([[partition, markAt(position, end, true)]]))
  }

  /** Sets the bookmarks that are due. */
  async settle(): Promise<void> {
    for (const [source, partitions] of this.#progress) {
      const due = [...partitions].filter(([, { bytes }]) => bytes > 0)
      if (due.length === 0) continue
      for (const [partition, progress] of due) partitions.set(partition, { ...progress, bytes: 0 })
      this.#markLater(
        source,
        new Map(due.map(([partition, { position, next }]) => [partition, markAt(position, next, false)])),
      )
    }
    await this.#marking
  }

  #markLater(source: string, marks: ReadonlyMap<number, GroupOffset>): void {
    const mark = (): Promise<void> => commitGroupOffsets(this.#cluster, groupOf(source), marks)
    this.#marking = this.#marking.then(mark).catch(() => {})
  }

  async #search(source: string, partition: number, bookmark: GroupOffset | undefined): Promise<number | undefined> {
    const first = await logBound(this.#cluster, partition, 'first')
    const end = await logBound(this.#cluster, partition, 'end')
    const mark = bookmark === undefined ? null : parseMark(bookmark.metadata)
    if (bookmark === undefined || mark === null || bookmark.offset > end) {
      return this.#lastIn(source, partition, first, end)
    }
    const { offset } = bookmark
    // What a headless one says of records is where they were; those before it may be gone by retention too.
    if (mark.headless || offset - 1 < first) {
      return max(mark.position, await this.#lastIn(source, partition, Math.max(first, offset), end))
    }
    // The record before the bookmark must bear it out: the topic may have been deleted and made anew.
    if ((await this.#lastIn(source, partition, offset - 1, offset)) !== mark.position) {
      return this.#lastIn(source, partition, first, end)
    }
    return max(mark.position, await this.#lastIn(source, partition, offset, end))
  }

  /** The last position in [from, end), in offsets. */
  async #lastIn(source: string, partition: number, from: number, end: number): Promise<number | undefined> {
    let last: number | undefined
    while (from < end) {
      const [fetched] = await this.#cluster.onLeader(partition, (connection) =>
        fetchPartitions(connection, this.#cluster.topic, [{ partition, offset: from }], {
          maxBytes: FETCH_BYTES,
          maxWait: 0,
        }),
      )
      const chunk = readBatches(this.#cluster.topic, fetched!.records, fetched!.aborted, from)
      last = lastPosition(chunk, source, from, end) ?? last
      if (chunk.next === from) break
      from = chunk.next
    }
    return last
  }
}

const groupOf = (source: string): string => `sluice.positions.${source}`

function lastPosition(chunk: Chunk, source: string, from: number, end: number): number | undefined {
  for (let i = chunk.count - 1; i >= 0; i--) {
    if (chunk.headerStarts[i]! < 0 || chunk.offsets[i]! < from || chunk.offsets[i]! >= end) continue
    const at = readPosition(chunk.buffer, chunk.headerStarts[i]!)
    if (at?.source === source) return at.position
  }
  return undefined
}

const max = (position: number, later: number | undefined): number => Math.max(position, later ?? position)

function markAt(position: number, offset: number, headless: boolean): GroupOffset {
  return { offset, metadata: JSON.stringify([position, headless]) }
}

function parseMark(metadata: string): Mark | null {
  try {
    const [position, headless] = JSON.parse(metadata) as [unknown, unknown]
    return typeof position === 'number' && typeof headless === 'boolean' ? { position, headless } : null
  } catch {
    return null
  }
}
