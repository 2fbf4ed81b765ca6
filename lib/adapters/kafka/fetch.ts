import { type Connection, ProtocolError, type Reader, Writer } from '@platformatic/kafka'
import type { Bytes, Millis } from '#core/time.ts'

/** Fetch, version 11: the last one whose encoding is plain; every broker since 2.3 knows it. */
const FETCH = 1
const VERSION = 11
const CONSUMER = -1
const COMMITTED = 1
const NO_SESSION_EPOCH = -1
const OUT_OF_RANGE = 1

export interface FetchPosition {
  readonly partition: number
  readonly offset: number
}

export interface FetchLimits {
  readonly maxBytes: Bytes
  /** The broker answers when it has a byte, or after this. */
  readonly maxWait: Millis
}

export interface AbortedTransaction {
  readonly producer: bigint
  readonly firstOffset: number
}

export interface FetchedPartition {
  readonly partition: number
  /** The offset asked for is not in the log: it is below its start, or above its end. */
  readonly outOfRange: boolean
  /** End of what may be read: records of transactions under way are not. */
  readonly end: number
  readonly logStart: number
  readonly aborted: readonly AbortedTransaction[]
  /** Record batches as they lie in the log; the last one may be cut off. */
  readonly records: Uint8Array
}

/** One Fetch. The package's own makes objects of all records; here the bytes are wanted. */
export function fetchPartitions(
  connection: Connection,
  topic: string,
  positions: readonly FetchPosition[],
  limits: FetchLimits,
): Promise<readonly FetchedPartition[]> {
  return new Promise((resolve, reject) => {
    connection.send<readonly FetchedPartition[]>(
      FETCH,
      VERSION,
      () => request(topic, positions, limits),
      (_correlation, _key, _version, reader) => response(reader),
      false,
      false,
      (error, fetched) => (error === null ? resolve(fetched!) : reject(error)),
    )
  })
}

function request(topic: string, positions: readonly FetchPosition[], { maxBytes, maxWait }: FetchLimits): Writer {
  return Writer.create()
    .appendInt32(CONSUMER)
    .appendInt32(maxWait)
    .appendInt32(maxWait === 0 ? 0 : 1)
    .appendInt32(maxBytes)
    .appendInt8(COMMITTED)
    .appendInt32(0)
    .appendInt32(NO_SESSION_EPOCH)
    .appendInt32(1)
    .appendString(topic, false)
    .appendArray(
      [...positions],
      (writer, { partition, offset }) => {
        writer.appendInt32(partition).appendInt32(-1).appendInt64(BigInt(offset)).appendInt64(-1n).appendInt32(maxBytes)
      },
      false,
      false,
    )
    .appendInt32(0)
    .appendString('', false)
}

const EMPTY = new Uint8Array(0)

function response(reader: Reader): readonly FetchedPartition[] {
  reader.readInt32()
  throwFault(reader.readInt16())
  reader.readInt32()
  const topics = reader.readArray(
    () => {
      reader.readString(false)
      return reader.readArray(() => partitionOf(reader), false, false)
    },
    false,
    false,
  )
  return topics.flat()
}

function partitionOf(reader: Reader): FetchedPartition {
  const partition = reader.readInt32()
  const fault = reader.readInt16()
  if (fault !== OUT_OF_RANGE) throwFault(fault)
  reader.readInt64()
  const end = Number(reader.readInt64())
  const logStart = Number(reader.readInt64())
  const aborted = reader.readNullableArray(
    () => ({ producer: reader.readInt64(), firstOffset: Number(reader.readInt64()) }),
    false,
    false,
  )
  reader.readInt32()
  const records = reader.readNullableBytes(false) ?? EMPTY
  return { partition, outOfRange: fault === OUT_OF_RANGE, end, logStart, aborted: aborted ?? [], records }
}

function throwFault(code: number): void {
  if (code !== 0) throw new ProtocolError(code)
}
