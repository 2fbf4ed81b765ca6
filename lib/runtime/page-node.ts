import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { ByteReader, ByteWriter } from '#core/bytes.ts'
import { SluiceError } from '#core/errors.ts'
import { type Bytes, type EpochMillis, floorTo } from '#core/time.ts'
import { ALL_HASHES, type HashRange } from '#runtime/hash-range.ts'
import { leafGroup, pageGroup, pageId, type Scope } from '#runtime/keys.ts'
import type { Page, PageCodec } from '#window/page.ts'
import { hasSeveralHashes, type PartOf } from '#window/page-parts.ts'
import type { SliceLayout } from '#window/slices.ts'

/**
 * The item of a page, or of a piece of one: groups whose keys have some hashes, in slices of some time. The page itself has all hashes
 * and its whole span.
 */
export interface NodePlace {
  readonly group: string
  readonly id: string
  readonly index: number
  readonly partition: number
  readonly hashes: HashRange
  /** Slices that start in [from, to). */
  readonly time: { readonly from: EpochMillis; readonly to: EpochMillis }
}

/**
 * A page that was split, for good: its pieces are items of their own, under a name that only whoever split it knew before this was stored.
 */
export interface Split {
  readonly by: 'hash' | 'time'
  readonly name: string
}

export type PageNode = { readonly split: Split } | { readonly page: Page }

/** Pieces of a split page. */
export const PIECES = 16

const COMPRESSED = 4
const SPLIT_BY_HASH = 5
const SPLIT_BY_TIME = 6

/** Below this an item costs one write unit anyway. */
const COMPRESS_FROM: Bytes = 1024

/** What a frame of data that can't be compressed takes more. */
const FRAME_BYTES: Bytes = 512

export interface PageLimits {
  /** A page is split when its item is larger than this, */
  readonly split: Bytes
  /** or when it is larger than this before it is compressed: every batch that touches it decodes and encodes all of it. */
  readonly splitPlain: Bytes
  /** What can't be split and is larger than this is refused. */
  readonly hard: Bytes
}

export const PAGE_LIMITS: PageLimits = { split: 16 * 1024, splitPlain: 64 * 1024, hard: 256 * 1024 }

export interface EncodedPage {
  readonly body: Uint8Array
  /** Size before compression. */
  readonly plain: Bytes
}

export function encodePage(page: Page, codec: PageCodec): EncodedPage {
  const plain = codec.encode(page)
  if (plain.length < COMPRESS_FROM) return { body: plain, plain: plain.length }
  const packed = zstdCompressSync(plain, {
    pledgedSrcSize: plain.length,
    // One buffer for all of the output, so that it is not copied.
    chunkSize: plain.length + FRAME_BYTES,
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  })
  const body = new Uint8Array(packed.length + 1)
  body[0] = COMPRESSED
  body.set(packed, 1)
  return { body, plain: plain.length }
}

export function encodeSplit({ by, name }: Split): Uint8Array {
  const writer = new ByteWriter(64)
  writer.byte(by === 'hash' ? SPLIT_BY_HASH : SPLIT_BY_TIME)
  writer.text(name)
  return writer.finish()
}

/** @throws SluiceError STATE_CORRUPT */
export function decodeNode(body: Uint8Array, codec: PageCodec): PageNode {
  switch (body[0]) {
    case COMPRESSED:
      return { page: codec.decode(unpacked(body.subarray(1))) }
    case SPLIT_BY_HASH:
    case SPLIT_BY_TIME: {
      const reader = new ByteReader(body, 1)
      return { split: { by: body[0] === SPLIT_BY_HASH ? 'hash' : 'time', name: reader.text() } }
    }
    default:
      return { page: codec.decode(body) }
  }
}

function unpacked(bytes: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(bytes)
  } catch (cause) {
    throw new SluiceError(
      'STATE_CORRUPT',
      `Expected a compressed page of window state, found ${bytes.length} bytes that are none. Restore the state from a backup or rebuild it from bronze.`,
      { cause },
    )
  }
}

export function rootPlace(scope: Scope, layout: SliceLayout, index: number, partition: number): NodePlace {
  const time = { from: index * layout.span, to: (index + 1) * layout.span }
  return { group: pageGroup(scope), id: pageId(index, partition), index, partition, hashes: ALL_HASHES, time }
}

/** Place of piece number `piece` of a page that is split. */
export function piecePlace(
  scope: Scope,
  place: NodePlace,
  layout: SliceLayout,
  split: Split,
  piece: number,
): NodePlace {
  const { index, partition } = place
  const id = `${pageId(index, partition)}/${split.name}/${piece.toString(16)}`
  const own = { group: leafGroup(scope), id, index, partition }
  if (split.by === 'time') {
    const step = timeStep(place, layout)
    const from = place.time.from + piece * step
    return { ...own, hashes: place.hashes, time: { from, to: Math.min(from + step, place.time.to) } }
  }
  return { ...own, hashes: digitRange(place.hashes, piece), time: place.time }
}

export function digitRange({ from, to }: HashRange, piece: number): HashRange {
  const step = (to - from) / PIECES
  return { from: from + piece * step, to: from + (piece + 1) * step }
}

const timeStep = ({ time }: NodePlace, { width }: SliceLayout): number =>
  Math.ceil((time.to - time.from) / width / PIECES) * width

/** Which piece of a split page a group lies in. */
export function pieceOf(place: NodePlace, layout: SliceLayout, by: Split['by']): PartOf {
  const { hashes, time } = place
  const hashStep = (hashes.to - hashes.from) / PIECES
  if (by === 'hash') return (hash) => Math.floor((hash - hashes.from) / hashStep)
  const step = timeStep(place, layout)
  return (_, at) => Math.floor((floorTo(at, layout.width) - time.from) / step)
}

/** How a page that is too large can be split; null when it is one group in one slice. */
export function splitOf(page: Page, { hashes, time }: NodePlace, { width }: SliceLayout): Split['by'] | null {
  if (hashes.to - hashes.from >= PIECES && hasSeveralHashes(page)) return 'hash'
  return time.to - time.from > width ? 'time' : null
}

/** @throws SluiceError STATE_ITEM_FULL */
export function requireRoom(body: Uint8Array, { index, partition }: NodePlace, limits: PageLimits): void {
  if (body.length <= limits.hard) return
  throw new SluiceError(
    'STATE_ITEM_FULL',
    `Expected the state of one group in one slice of a window to fit into ${limits.hard / 1024} KB, found ${Math.ceil(body.length / 1024)} KB ` +
      `in partition ${partition}. Collect fewer values, group by more columns, or deliver smaller batches of late records.`,
    { details: { page: index, partition, bytes: body.length } },
  )
}
