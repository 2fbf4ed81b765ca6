import { setTimeout as pause } from 'node:timers/promises'
import type { Millis } from '#core/time.ts'
import type { Cluster } from './cluster.ts'
import { fetchPartitions } from './fetch.ts'

/** A broker holds a question for so long when there is nothing new; whoever waits may leave earlier. */
const HELD: Millis = 500
const AFTER_FAULT: Millis = 200

/** Tells when partitions have grown: asks each leader for what comes after a known end, and lets it wait with the answer. */
export class News {
  readonly #cluster: Cluster
  /** Up to where each partition is known. Those that are not in it are not watched. */
  readonly #known: ReadonlyMap<number, number>
  readonly #told: (partition: number, end: number) => void
  readonly #waiting = new Set<() => void>()
  readonly #asking = new Set<number>()
  #closed = false

  /** @param cluster with connections of its own */
  constructor(cluster: Cluster, known: ReadonlyMap<number, number>, told: (partition: number, end: number) => void) {
    this.#cluster = cluster
    this.#known = known
    this.#told = told
  }

  /** Resolves when there is news; `leave` ends it early. */
  wait(): { readonly news: Promise<void>; leave(): void } {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    void this.#askAll()
    return { news: promise, leave: () => void this.#waiting.delete(resolve) }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake()
    await this.#cluster.close()
  }

  async #askAll(): Promise<void> {
    try {
      const nodes = await this.#cluster.leaderNodes()
      for (const node of new Set(nodes)) {
        if (!this.#asking.has(node)) void this.#ask(node, nodes)
      }
    } catch {
      await this.#fault()
    }
  }

  /** One question after the other, as long as somebody waits. */
  async #ask(node: number, nodes: readonly number[]): Promise<void> {
    this.#asking.add(node)
    try {
      while (this.#waiting.size > 0 && !this.#closed) {
        const positions = [...this.#known].flatMap(([partition, offset]) =>
          nodes[partition] === node ? [{ partition, offset }] : [],
        )
        if (positions.length === 0) return
        const fetched = await this.#cluster.onLeader(positions[0]!.partition, (connection) =>
          fetchPartitions(connection, this.#cluster.topic, positions, { maxBytes: 1, maxWait: HELD }),
        )
        let news = false
        for (const { partition, end, outOfRange } of fetched) {
          // Nothing it says holds for a log that is shorter than it was: whoever reads will see.
          if (!outOfRange && end <= this.#known.get(partition)!) continue
          this.#told(partition, Math.max(0, end))
          news = true
        }
        if (news) this.#wake()
      }
    } catch {
      await this.#fault()
    } finally {
      this.#asking.delete(node)
    }
  }

  /** Who waits goes on to read, and meets the fault there. */
  async #fault(): Promise<void> {
    if (!this.#closed) await pause(AFTER_FAULT)
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
