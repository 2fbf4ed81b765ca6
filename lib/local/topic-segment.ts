/** One segment file of a partition: `<base offset, 20 digits>.log`, batches back to back. */
import { closeSync, fstatSync, ftruncateSync, openSync, readdirSync, readSync, writevSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { SluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'
import { type BatchHeader, HEADER_BYTES, MAGIC, readBatchHeader, sourceStart } from './topic-log-format.ts'

const SCAN_CHUNK: Bytes = 1 << 16

export class Segment {
  readonly path: string
  readonly baseOffset: number
  readonly writable: boolean
  #descriptor: number | undefined

  constructor(folder: string, baseOffset: number, writable: boolean) {
    this.path = join(folder, segmentName(baseOffset))
    this.baseOffset = baseOffset
    this.writable = writable
  }

  /** Creates the file; it must not be there. */
  create(): void {
    this.#descriptor = openSync(this.path, 'wx+')
  }

  size(): Bytes {
    return fstatSync(this.#open()).size
  }

  /** Fills `target` from the file at `position`; gives the number of bytes that were there. */
  read(target: Buffer, position: number): number {
    const descriptor = this.#open()
    let done = 0
    while (done < target.length) {
      const bytes = readSync(descriptor, target, done, target.length - done, position + done)
      if (bytes === 0) break
      done += bytes
    }
    return done
  }

  /** Writes the pieces back to back at `position`, with one system call unless the disk takes less. */
  write(pieces: readonly Uint8Array[], position: number): void {
    const descriptor = this.#open()
    let rest = pieces
    let at = position
    while (rest.length > 0) {
      let written = writevSync(descriptor, rest as Uint8Array[], at)
      at += written
      while (rest.length > 0 && written >= rest[0]!.length) {
        written -= rest[0]!.length
        rest = rest.slice(1)
      }
      if (written > 0) rest = [rest[0]!.subarray(written), ...rest.slice(1)]
    }
  }

  truncate(size: Bytes): void {
    ftruncateSync(this.#open(), size)
  }

  close(): void {
    if (this.#descriptor === undefined) return
    closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #open(): number {
    this.#descriptor ??= openSync(this.path, this.writable ? 'r+' : 'r')
    return this.#descriptor
  }
}

function segmentName(baseOffset: number): string {
  return `${String(baseOffset).padStart(20, '0')}.log`
}

/** Base offsets of the segments in a partition's folder, ascending. @throws SluiceError OFFSET_TOO_LARGE */
export function listSegments(folder: string): readonly number[] {
  const bases: number[] = []
  for (const name of readdirSync(folder)) {
    if (!/^\d{20}\.log$/.test(name)) continue
    const base = Number(name.slice(0, 20))
    checkOffset(base, join(folder, name))
    bases.push(base)
  }
  return bases.sort((a, b) => a - b)
}

export function checkOffset(offset: number, where: string): void {
  if (offset <= Number.MAX_SAFE_INTEGER) return
  throw new SluiceError(
    'OFFSET_TOO_LARGE',
    `${where}: offsets up to 2^53 - 1 can be held exactly, found ${offset}. Start a new topic.`,
    { details: { where, offset } },
  )
}

export interface ScanEnd {
  /** Where the next batch would begin, and the offset of its first record. */
  readonly position: number
  readonly nextOffset: number
  /** `header`: what lies there is no batch header; `short`: the batch there is longer than the file; `end`: nothing is there. */
  readonly stopped: 'end' | 'header' | 'short'
}

/**
 * Walks the headers of a segment from `position`, where the batch with `nextOffset` should begin, up to `size`.
 * Cost: one read per 64 KB or per batch, whichever is fewer.
 */
export function scanSegment(
  segment: Segment,
  partition: number,
  start: { readonly position: number; readonly nextOffset: number; readonly size: Bytes },
  onBatch: (header: BatchHeader, position: number, source: string | undefined) => void,
): ScanEnd {
  let { position, nextOffset } = start
  let chunk: Buffer = Buffer.alloc(0)
  let chunkAt = position
  while (position < start.size) {
    if (position + HEADER_BYTES > start.size) return { position, nextOffset, stopped: 'header' }
    if (position < chunkAt || position + HEADER_BYTES > chunkAt + chunk.length) {
      chunk = Buffer.allocUnsafe(Math.min(SCAN_CHUNK, start.size - position))
      chunkAt = position
      chunk = chunk.subarray(0, segment.read(chunk, position))
    }
    const header = readBatchHeader(chunk, position - chunkAt, partition)
    if (header === undefined || header.baseOffset !== nextOffset) return { position, nextOffset, stopped: 'header' }
    const end = position + HEADER_BYTES + header.bodyBytes
    if (end > start.size) return { position, nextOffset, stopped: 'short' }
    onBatch(header, position, readSource(segment, header, position))
    nextOffset += header.count
    position = end
  }
  return { position, nextOffset, stopped: 'end' }
}

function readSource(segment: Segment, header: BatchHeader, position: number): string | undefined {
  if (Number.isNaN(header.position)) return undefined
  const name = Buffer.allocUnsafe(header.sourceBytes)
  segment.read(name, position + HEADER_BYTES + sourceStart(header))
  return name.toString()
}

/** Whether the body of the batch at `position` is what was written. */
export function bodyIsIntact(segment: Segment, header: BatchHeader, position: number): boolean {
  const body = Buffer.allocUnsafe(header.bodyBytes)
  return segment.read(body, position + HEADER_BYTES) === body.length && crc32(body) === header.bodyCrc
}

/** Whether a batch of offset `nextOffset` or above begins anywhere behind `position`: then what is at `position` is no torn tail. */
export function hasBatchBehind(segment: Segment, partition: number, at: ScanEnd, size: Bytes): boolean {
  const bytes = Buffer.allocUnsafe(size - at.position)
  const rest = bytes.subarray(0, segment.read(bytes, at.position))
  const magic = Buffer.alloc(4)
  magic.writeUInt32LE(MAGIC)
  for (let found = rest.indexOf(magic, 1); found >= 0; found = rest.indexOf(magic, found + 1)) {
    const header = readBatchHeader(rest, found, partition)
    if (header !== undefined && header.baseOffset >= at.nextOffset) return true
  }
  return false
}
