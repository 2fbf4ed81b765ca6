import { randomUUID } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SluiceError } from '#core/errors.ts'
import type { Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'
import type { SourcePosition, TopicWriter } from '#ports/record-source.ts'
import type { NewRecords } from '#schema/record-batch.ts'
import { diskError } from './data-folder-error.ts'
import { BatchEncoder } from './topic-log-format.ts'
import { readTopicDescription, type TopicDescription, TopicLogSource, topicFolder } from './topic-log-source.ts'

export { TopicLogReader } from './topic-log-reader.ts'

export interface TopicLogOptions {
  /** The folder of all topics; this one gets `<folder>/<name>`. */
  readonly folder: string
  readonly name: string
  /** A topic that is there with fewer grows; one with more is refused. */
  readonly partitions: number
  /** Gives the append time. */
  readonly clock: Clock
}

/**
 * A topic on the local disk: per partition an append-only log in segments of 64 MB. Its one writer, and a source for
 * consumers in the same thread; consumers elsewhere follow it with a TopicLogReader.
 *
 * An append is one system call. What it wrote survives a killed process (it is in the page cache), not a power cut: a torn
 * tail is then found and dropped, and the producer's position with it.
 */
export class TopicLog extends TopicLogSource implements TopicWriter {
  readonly #clock: Clock
  readonly #encoder = new BatchEncoder()
  readonly #waiting = new Set<() => void>()
  readonly partitions: number
  #closed = false

  private constructor(path: string, description: TopicDescription, clock: Clock) {
    super(path, description, true)
    this.partitions = description.partitions
    this.#clock = clock
  }

  /**
   * Opens the topic, creating it if it isn't there. Cost: one read per batch or per 64 KB of the log, whichever is fewer.
   *
   * @throws SluiceError TOPIC_CORRUPT, TOPIC_PARTITIONS_MISMATCH, OFFSET_TOO_LARGE, NAME_INVALID, DISK_FULL, DATA_FOLDER_READ_ONLY
   */
  static open(options: TopicLogOptions): TopicLog {
    const { folder, name, partitions, clock } = options
    const path = topicFolder(folder, name)
    if (!Number.isInteger(partitions) || partitions < 1) {
      throw new SluiceError('PLAN_INVALID', `A topic has 1 partition or more, found ${partitions} for "${name}".`)
    }
    const known = readTopicDescription(path)
    if (known !== undefined && known.partitions > partitions) {
      throw new SluiceError(
        'TOPIC_PARTITIONS_MISMATCH',
        `Expected at least ${known.partitions} partitions for topic "${name}", which has that many, found ${partitions}. ` +
          `A topic grows but never shrinks: ask for ${known.partitions} or more, or choose another --data folder.`,
        { details: { topic: name, stored: known.partitions, asked: partitions } },
      )
    }
    const description = { name, partitions, id: known?.id ?? randomUUID() }
    try {
      // Folders first: a topic.json never promises a partition that isn't there.
      for (let p = 0; p < partitions; p++) mkdirSync(join(path, String(p)), { recursive: true })
      if (known?.partitions !== partitions) writeTopicDescription(path, description)
    } catch (error) {
      throw diskError(error, path)
    }
    return new TopicLog(path, description, clock)
  }

  /**
   * See TopicWriter. Records that lie back to back in their buffer are written from there, others are copied once.
   *
   * @throws SluiceError DISK_FULL, DATA_FOLDER_READ_ONLY, OFFSET_TOO_LARGE; then nothing is written
   */
  async append(partition: number, records: NewRecords, at?: SourcePosition): Promise<void> {
    if (records.count === 0 && at === undefined) return
    this.log(partition).append(records, this.#clock.now(), at, this.#encoder)
    this.#wake()
  }

  async positions(source: string): Promise<readonly (number | undefined)[]> {
    return this.logs.map((log) => log.position(source))
  }

  /** Resolves with the next append. */
  async wait(timeout: Millis, signal?: AbortSignal): Promise<void> {
    if (this.#closed || signal?.aborted) return
    const appended = Promise.withResolvers<void>()
    const ended = new AbortController()
    const end = (): void => ended.abort()
    signal?.addEventListener('abort', end, { once: true })
    this.#waiting.add(appended.resolve)
    await Promise.race([appended.promise, this.#clock.sleep(timeout, ended.signal)])
    this.#waiting.delete(appended.resolve)
    signal?.removeEventListener('abort', end)
    // Lets go of the timer.
    ended.abort()
  }

  override async close(): Promise<void> {
    this.#closed = true
    this.#wake()
    await super.close()
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

function writeTopicDescription(path: string, description: TopicDescription): void {
  const draft = join(path, 'topic.json.draft')
  writeFileSync(draft, `${JSON.stringify(description, null, 2)}\n`)
  renameSync(draft, join(path, 'topic.json'))
}
