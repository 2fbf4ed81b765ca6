import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SluiceError } from '#core/errors.ts'
import type { Millis } from '#core/time.ts'
import type { ReadLimits, RecordSource } from '#ports/record-source.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { systemCode } from './data-folder-error.ts'
import { ReadCache } from './topic-log-cache.ts'
import { GroupOffsets } from './topic-log-groups.ts'
import { PartitionLog } from './topic-log-partition.ts'

/** What `topic.json` holds. `id` tells a topic from one of the same name that was deleted. */
export interface TopicDescription {
  readonly name: string
  readonly partitions: number
  readonly id: string
}

export function topicFolder(folder: string, name: string): string {
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') {
    throw new SluiceError(
      'NAME_INVALID',
      `A topic's name has 1 to 249 of the characters A-Z a-z 0-9 . _ -, found "${name}". Rename it as Kafka would accept it.`,
    )
  }
  return join(folder, name)
}

/** Undefined when there is no such topic. @throws SluiceError TOPIC_CORRUPT */
export function readTopicDescription(path: string): TopicDescription | undefined {
  const file = join(path, 'topic.json')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw error
  }
  const description = parsed(text)
  if (description !== undefined) return description
  throw new SluiceError(
    'TOPIC_CORRUPT',
    `Expected the name, the number of partitions and the id of a topic in ${file}, found something else at byte 0. ` +
      `Restore the file from a copy, or start with an empty data folder and feed the inputs again.`,
    { details: { file, byte: 0 } },
  )
}

function parsed(text: string): TopicDescription | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const { name, partitions, id } = value as Partial<Record<keyof TopicDescription, unknown>>
    if (typeof name !== 'string' || typeof id !== 'string' || typeof partitions !== 'number') return undefined
    return Number.isInteger(partitions) && partitions >= 1 ? { name, partitions, id } : undefined
  } catch {
    return undefined
  }
}

/** The reading side that the log and its followers share. */
export abstract class TopicLogSource implements RecordSource {
  readonly topic: string
  protected readonly path: string
  protected readonly logs: PartitionLog[] = []
  readonly #writable: boolean
  readonly #cache = new ReadCache()
  readonly #groups: GroupOffsets

  protected constructor(path: string, description: TopicDescription, writable: boolean) {
    this.topic = description.name
    this.path = path
    this.#writable = writable
    this.#groups = new GroupOffsets(path)
    this.openPartitions(description.partitions)
  }

  abstract wait(timeout: Millis, signal?: AbortSignal): Promise<void>

  async partitionCount(): Promise<number> {
    return this.logs.length
  }

  async endOffset(partition: number): Promise<number> {
    return this.log(partition).endOffset
  }

  async endOffsets(): Promise<readonly number[]> {
    const count = await this.partitionCount()
    return Promise.all(Array.from({ length: count }, (_, partition) => this.endOffset(partition)))
  }

  async read(partition: number, from: number, limits: ReadLimits): Promise<RecordBatch | undefined> {
    return this.log(partition).read(from, limits)
  }

  async committed(group: string): Promise<ReadonlyMap<number, number>> {
    return this.#groups.committed(group)
  }

  async commit(group: string, partition: number, offset: number): Promise<void> {
    this.#groups.commit(group, partition, offset)
  }

  async close(): Promise<void> {
    for (const log of this.logs) log.close()
    this.#groups.close()
  }

  protected openPartitions(count: number): void {
    for (let partition = this.logs.length; partition < count; partition++) {
      const place = {
        topic: this.topic,
        partition,
        folder: join(this.path, String(partition)),
        writable: this.#writable,
      }
      this.logs.push(new PartitionLog(place, this.#cache))
    }
  }

  protected log(partition: number): PartitionLog {
    const log = this.logs[partition]
    if (log === undefined) {
      throw new RangeError(`topic "${this.topic}" has partitions 0 to ${this.logs.length - 1}, not ${partition}`)
    }
    return log
  }
}
