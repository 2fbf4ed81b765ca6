import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { SluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** What JSON has no number for: ±Infinity, NaN and −0. */
const NAMED = '$double'

/** JSON that gives every number back as it was. */
export function encodeValues(value: unknown): string {
  if (Array.isArray(value) && value.every(isPlain)) return JSON.stringify(value)
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'number' && (!Number.isFinite(one) || Object.is(one, -0))
      ? { [NAMED]: Object.is(one, -0) ? '-0' : String(one) }
      : one,
  )
}

/** Scalars that JSON holds as they are: asking that first is many times as fast as a replacer. */
function isPlain(one: unknown): boolean {
  if (typeof one === 'number') return Number.isFinite(one) && !Object.is(one, -0)
  return one === null || typeof one === 'string' || typeof one === 'boolean'
}

export function decodeValues<T = readonly unknown[]>(text: string): T {
  if (!text.includes(NAMED)) return JSON.parse(text) as T
  return JSON.parse(text, (_, one: unknown) =>
    typeof one === 'object' && one !== null && NAMED in one ? Number(one[NAMED]) : one,
  ) as T
}

/** Bodies of small control items are JSON: an operator can read them. */
export function encodeBody(value: unknown): Uint8Array {
  return encoder.encode(encodeValues(value))
}

/** What a store bills as one write at least. */
const PACKED_ABOVE: Bytes = 1024
/** How every zstd frame begins, and no JSON. */
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd]

/** A body as it is stored: larger ones as zstd, since stores bill and limit by size. */
export const packBody = (body: Uint8Array): Uint8Array => (body.length > PACKED_ABOVE ? zstdCompressSync(body) : body)

/** JSON as it was before `packBody`, or was never packed. */
export const unpackBody = (body: Uint8Array): Uint8Array =>
  ZSTD.every((byte, i) => body[i] === byte) ? zstdDecompressSync(body) : body

/** @throws SluiceError STATE_CORRUPT */
export function decodeBody<T>(body: Uint8Array, item: string): T {
  try {
    return decodeValues<T>(decoder.decode(unpackBody(body)))
  } catch (cause) {
    throw new SluiceError(
      'STATE_CORRUPT',
      `The state item ${item} should hold JSON, but its ${body.length} bytes can't be read. ` +
        'Restore the state from a backup, or start again with another data folder.',
      { cause, details: { item } },
    )
  }
}
