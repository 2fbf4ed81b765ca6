import { crc32 } from 'node:zlib'

/** Writers' half of deletion vectors, for tests: 64-bit Roaring bitmaps, Z85, and the frame in which files hold them. */

export type ContainerKind = 'plain' | 'runs'

/** The portable form of a set of rows; containers as arrays and bitmaps, or as runs. */
export function encodeRows(rows: Iterable<number>, kind: ContainerKind = 'plain'): Uint8Array {
  const bitmaps = new Map<number, Map<number, number[]>>()
  for (const row of [...new Set(rows)].sort((a, b) => a - b)) {
    const high = Math.floor(row / 2 ** 32)
    const key = Math.floor(row / 65_536) % 65_536
    const containers = bitmaps.get(high) ?? new Map<number, number[]>()
    bitmaps.set(high, containers)
    containers.set(key, [...(containers.get(key) ?? []), row % 65_536])
  }
  const parts: Buffer[] = [u32(1_681_511_377), u64(bitmaps.size)]
  for (const [high, containers] of bitmaps) parts.push(u32(high), ...encodeBitmap(containers, kind))
  return Uint8Array.from(Buffer.concat(parts))
}

function encodeBitmap(containers: ReadonlyMap<number, readonly number[]>, kind: ContainerKind): Buffer[] {
  const entries = [...containers]
  const bodies = entries.map(([, values]) =>
    kind === 'runs' ? runs(values) : values.length > 4096 ? bits(values) : array(values),
  )
  const header =
    kind === 'runs'
      ? [u32(12_347 | ((entries.length - 1) << 16)), flags(entries.length)]
      : [u32(12_346), u32(entries.length)]
  const keys = entries.map(([key, values]) => Buffer.concat([u16(key), u16(values.length - 1)]))
  const withOffsets = kind === 'plain' || entries.length >= 4
  const offsets: Buffer[] = []
  let at = Buffer.concat([...header, ...keys]).length + (withOffsets ? entries.length * 4 : 0)
  for (const body of bodies) {
    if (withOffsets) offsets.push(u32(at))
    at += body.length
  }
  return [...header, ...keys, ...offsets, ...bodies]
}

function array(values: readonly number[]): Buffer {
  return Buffer.concat(values.map(u16))
}

function bits(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8192)
  for (const value of values) bytes[value >> 3]! |= 1 << (value & 7)
  return bytes
}

function runs(values: readonly number[]): Buffer {
  const found: { readonly start: number; length: number }[] = []
  for (const value of values) {
    const last = found.at(-1)
    if (last !== undefined && value === last.start + last.length + 1) last.length++
    else found.push({ start: value, length: 0 })
  }
  return Buffer.concat([u16(found.length), ...found.flatMap(({ start, length }) => [u16(start), u16(length)])])
}

function flags(count: number): Buffer {
  const bytes = Buffer.alloc((count + 7) >> 3)
  for (let i = 0; i < count; i++) bytes[i >> 3]! |= 1 << (i & 7)
  return bytes
}

/** A file of one bitmap, as its version byte, size, bytes and CRC-32. */
export function vectorFile(bitmap: Uint8Array): Uint8Array {
  const size = Buffer.alloc(4)
  size.writeUInt32BE(bitmap.length)
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(bitmap))
  return Uint8Array.from(Buffer.concat([Buffer.of(1), size, bitmap, crc]))
}

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'

/** Z85, with zeros at the end up to a multiple of 4 bytes. */
export function encodeZ85(bytes: Uint8Array): string {
  const padded = Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
  let text = ''
  for (let i = 0; i < padded.length; i += 4) {
    const value = padded.readUInt32BE(i)
    for (const power of [85 ** 4, 85 ** 3, 85 ** 2, 85, 1]) text += ALPHABET[Math.floor(value / power) % 85]
  }
  return text
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
