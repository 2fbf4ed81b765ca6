import { closeSync } from 'node:fs'
import type { Bytes, EpochMillis } from '#core/time.ts'
import { type TimestampParser, timestampParser } from '#core/timestamp-format.ts'
import { FeedGate } from '#local/feed-gate.ts'
import { Lanes } from '#local/feed-lanes.ts'
import { type Pace, Pacer } from '#local/feed-pace.ts'
import { checkUnchanged, type InputIdentity, identifyInput } from '#local/input-identity.ts'
import { type Input, openInput } from '#local/inputs.ts'
import { countLineFeeds, InputWindow } from '#local/inputs-window.ts'
import type { TopicWriter } from '#ports/record-source.ts'
import type { Fields } from '#schema/column.ts'
import { END, NEED_MORE, RECORD, type ReadStatus } from '#schema/csv-limits.ts'
import type { RecordReader } from '#schema/csv-reader.ts'

export type { Pace } from '#local/feed-pace.ts'

export interface FeedProgress {
  /** Records that this call has handed to the topic, malformed ones among them; not those that were in it before. */
  readonly records: number
  readonly malformed: number
  /** Whether the topic had all of it before, as far as it has been read; at the end: nothing of it was new. */
  readonly fedBefore: boolean
  /** How far the input has been read. */
  readonly bytes: Bytes
  readonly totalBytes: Bytes
}

export interface FeedOptions {
  readonly fields: Fields
  /** Name of the field that becomes the record key. */
  readonly key: string | null
  readonly writer: TopicWriter
  /** Held while the topic is half fed; default: nobody looks. */
  readonly gate?: FeedGate
  /** Called when the gate is held for this input, if it has to be. */
  readonly onOpened?: () => void
  /** A file that `openInput` takes. */
  readonly path: string
  /** What `identifyInput` has said of the file, if the caller knows: saves a pass over a file that was not written to since. */
  readonly identity?: InputIdentity
  /** Stops early: what was read is appended, the call resolves, and a later call goes on from there. */
  readonly signal?: AbortSignal
  /** About once a megabyte. */
  readonly onProgress?: (progress: FeedProgress) => void
  readonly pace?: Pace
  /** Name of the timestamp field that `pace.speed` goes by. */
  readonly eventTime?: string
}

/**
 * Feeds a file into a topic, every record once, however often the call crashes and is repeated: what the topic has is found by
 * the file's identity (see `identifyInput`; feeding a copy of a file adds nothing) and its partitions' positions. Partition and
 * order are the same each time; so the number of partitions must not change before the file is fed to its end.
 *
 * Resolves when the last record is durable. Cost: 1.5 CPU seconds per million records of 200 bytes, appends of about 1 MB.
 *
 * @throws SluiceError those of `openInput`, INPUT_CHANGED, and whatever the writer throws
 */
export async function feedFile(options: FeedOptions): Promise<FeedProgress> {
  const input = openInput(options.path, options.fields)
  try {
    const identity = await identifyInput(input, options.signal, options.identity)
    if (identity === null) return { records: 0, malformed: 0, fedBefore: false, bytes: 0, totalBytes: input.size }
    const lanes = await Lanes.open(options.writer, identity.source, options.gate ?? new FeedGate())
    options.onOpened?.()
    const from = Math.max(input.start, lanes.resumeAt)
    const line = from > input.start ? (await countLineFeeds(input, from)) + 1 : undefined
    const window = new InputWindow(input, from)
    try {
      await readAll(options, input, window, input.readerAt(options.key, line), lanes)
      await lanes.flush()
    } finally {
      await lanes.settle()
      await window.close()
    }
    await checkUnchanged(input, identity)
    const progress = progressOf(input, window, lanes)
    options.onProgress?.(progress)
    return progress
  } finally {
    closeSync(input.file)
  }
}

function progressOf(input: Input, window: InputWindow, lanes: Lanes): FeedProgress {
  const bytes = window.position + window.start
  const { records, malformed, knownTo } = lanes
  return { records, malformed, fedBefore: records === 0 && knownTo > 0, bytes, totalBytes: input.size }
}

async function readAll(
  { signal, onProgress, pace, fields, eventTime }: FeedOptions,
  input: Input,
  window: InputWindow,
  reader: RecordReader,
  lanes: Lanes,
): Promise<void> {
  const pacer = pace === undefined ? null : new Pacer(pace)
  const timeOf = eventTimeReader(fields, eventTime, reader)
  const flush = (): Promise<void> => lanes.flush()
  const stopped = (): boolean => signal?.aborted === true
  await window.fill()
  while (!stopped()) {
    const status = reader.next(window.buffer, window.start, window.end, window.last)
    if (status === END) {
      window.start = reader.end
      return
    }
    if (status === NEED_MORE) {
      window.start = reader.end
      await window.fill()
      lanes.throwFailure()
      onProgress?.(progressOf(input, window, lanes))
      continue
    }
    const position = window.position + reader.end
    // What is in the topic already was paced by the call that brought it there.
    const waiting = position > lanes.knownTo ? pacer?.next(timeOf(status), flush, signal) : undefined
    if (waiting !== undefined) {
      await waiting
      if (stopped()) return
    }
    while (!lanes.offer(reader, status, position)) await lanes.flush()
    window.start = reader.end
  }
}

/** A function that gives the event time of the record that the reader is at, NaN when it has none. */
function eventTimeReader(
  fields: Fields,
  name: string | undefined,
  reader: RecordReader,
): (status: ReadStatus) => EpochMillis {
  const index = fields.findIndex((field) => field.name === name)
  if (index < 0) return () => Number.NaN
  const { pattern, zone } = fields[index]!.column.format ?? { pattern: 'iso', zone: 'UTC' }
  const parser: TimestampParser = timestampParser(pattern, zone)
  return (status) => {
    if (status !== RECORD || !reader.findText(index)) return Number.NaN
    return parser.parse(reader.textBuffer, reader.textStart, reader.textEnd)
  }
}
