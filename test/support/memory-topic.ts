import type { SourcePosition, TopicWriter } from '#ports/record-source.ts'
import { MALFORMED_HEADER, type NewRecords } from '#schema/record-batch.ts'

export interface TopicRecord {
  readonly key: string | null
  readonly value: string | null
  /** The reason of a malformed record. */
  readonly malformed: string | null
}

/**
 * Which append fails (from 0), and how: `before` or `after` its records are in the topic, and all appends after it too, as when
 * the process dies; or `alone`, its records lost and the others, even those begun later, not.
 */
export interface Crash {
  readonly append: number
  readonly how: 'before' | 'after' | 'alone'
}

const text = (records: NewRecords, starts: Int32Array, ends: Int32Array, i: number): string | null =>
  starts[i]! < 0 ? null : Buffer.from(records.buffer.subarray(starts[i]!, ends[i]!)).toString('utf8')

/** A topic in memory, whose writer can be made to crash. It reads the records late, so that it sees buffers reused too early. */
export class MemoryTopic {
  readonly topic = 'memory'
  readonly partitions: readonly TopicRecord[][]
  /** Bytes of keys and values of each append. */
  readonly appends: number[] = []
  readonly #positions = new Map<string, (number | undefined)[]>()

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => [])
  }

  /** A writer of its own for each life of the process; appends are counted from 0 in each. */
  writer(crash?: Crash): TopicWriter {
    let appends = 0
    const busy = new Set<number>()
    return {
      topic: this.topic,
      partitions: this.partitions.length,
      append: async (partition, records, at) => {
        const number = appends++
        const fails = crash?.append === number
        if (crash !== undefined && crash.how !== 'alone' && number > crash.append) throw new Error('crashed already')
        if (busy.has(partition)) throw new Error('two appends to one partition at once')
        busy.add(partition)
        await new Promise((resolve) => setImmediate(resolve))
        busy.delete(partition)
        if (fails && crash.how !== 'after') throw new Error(`crashed ${crash.how}`)
        this.#take(partition, records, at)
        if (fails) throw new Error('crashed after')
      },
      positions: async (source) => this.positions(source),
      close: async () => {},
    }
  }

  positions(source: string): readonly (number | undefined)[] {
    return this.#positions.get(source) ?? this.partitions.map(() => undefined)
  }

  get records(): readonly TopicRecord[] {
    return this.partitions.flat()
  }

  #take(partition: number, records: NewRecords, at: SourcePosition | undefined): void {
    let bytes = 0
    for (let i = 0; i < records.count; i++) {
      const header = records.headers?.[i]?.find(({ name }) => name === MALFORMED_HEADER)
      const malformed = header?.value == null ? null : Buffer.from(header.value).toString('utf8')
      const key = text(records, records.keyStarts, records.keyEnds, i)
      const value = text(records, records.valueStarts, records.valueEnds, i)
      bytes += (key?.length ?? 0) + (value?.length ?? 0)
      this.partitions[partition]!.push({ key, value, malformed })
    }
    this.appends.push(bytes)
    if (at === undefined) return
    const positions = [...this.positions(at.source)]
    if ((positions[partition] ?? 0) > at.position) throw new Error('the position went back')
    positions[partition] = at.position
    this.#positions.set(at.source, positions)
  }
}
