import { SluiceError } from '#core/errors.ts'
import type { Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'
import type { ReadLimits } from '#ports/record-source.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { readTopicDescription, type TopicDescription, TopicLogSource, topicFolder } from './topic-log-source.ts'

/** How often a follower looks for appends of another thread or process. */
const POLL: Millis = 20

export interface TopicLogReaderOptions {
  /** The folder of all topics. */
  readonly folder: string
  readonly name: string
  /** Paces `wait`. */
  readonly clock: Clock
}

/**
 * Follows a topic that another thread or process writes. What is torn (the writer is in the middle of it, or was killed
 * there) isn't seen. Changes nothing but its groups' offsets.
 */
export class TopicLogReader extends TopicLogSource {
  readonly #clock: Clock

  private constructor(path: string, description: TopicDescription, clock: Clock) {
    super(path, description, false)
    this.#clock = clock
  }

  /** Cost: as TopicLog.open. @throws SluiceError TOPIC_NOT_FOUND, TOPIC_CORRUPT, OFFSET_TOO_LARGE, NAME_INVALID */
  static open({ folder, name, clock }: TopicLogReaderOptions): TopicLogReader {
    const path = topicFolder(folder, name)
    return new TopicLogReader(path, described(path, name), clock)
  }

  /** Looks at topic.json again: the topic may have grown. */
  override async partitionCount(): Promise<number> {
    this.openPartitions(described(this.path, this.topic).partitions)
    return this.logs.length
  }

  override async endOffset(partition: number): Promise<number> {
    this.log(partition).refresh()
    return super.endOffset(partition)
  }

  override async read(partition: number, from: number, limits: ReadLimits): Promise<RecordBatch | undefined> {
    const log = this.log(partition)
    // What is known already needs no look at the disk.
    if (log.endOffset - from < limits.maxRecords) log.refresh()
    return log.read(from, limits)
  }

  async wait(timeout: Millis, signal?: AbortSignal): Promise<void> {
    const deadline = this.#clock.now() + timeout
    const known = this.#sumOfEnds()
    for (;;) {
      for (const log of this.logs) log.refresh()
      const left = deadline - this.#clock.now()
      if (this.#sumOfEnds() !== known || left <= 0 || signal?.aborted) return
      await this.#clock.sleep(Math.min(POLL, left), signal)
    }
  }

  #sumOfEnds(): number {
    let sum = 0
    for (const log of this.logs) sum += log.endOffset
    return sum
  }
}

function described(path: string, name: string): TopicDescription {
  const description = readTopicDescription(path)
  if (description !== undefined) return description
  throw new SluiceError(
    'TOPIC_NOT_FOUND',
    `Expected topic "${name}" in ${path}, found none. Start what feeds it first, or choose the --data folder that has it.`,
    { details: { topic: name, path } },
  )
}
