import type { Bytes } from '#core/time.ts'

/** Longest source record (a line of a file, without its line break). A longer one is handed on as malformed. */
export const RECORD_BYTES_MAX: Bytes = 1_048_576

/**
 * Longest key and value together, and where the raw bytes of a malformed record are clipped: what brokers take by default
 * (1 MiB a batch), less room for headers and framing.
 */
export const VALUE_BYTES_MAX: Bytes = RECORD_BYTES_MAX - 4_096

/** How a source record was read. */
export const RECORD = 0
/** It can't become a value: its raw bytes and the reason are handed on instead. */
export const MALFORMED = 1
/** The buffer ends before the record does. */
export const NEED_MORE = 2
/** Nothing is left. */
export const END = 3
export type ReadStatus = typeof RECORD | typeof MALFORMED | typeof NEED_MORE | typeof END

/** Position of the first byte of buffer[start, end) that is not part of well-formed UTF-8 (RFC 3629), or −1. */
export function invalidUtf8At(buffer: Uint8Array, start: number, end: number): number {
  let i = start
  while (i < end) {
    const lead = buffer[i]!
    if (lead < 0x80) {
      i++
      continue
    }
    const length =
      lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0
    if (length === 0 || i + length > end) return i
    // The second byte rules out overlong forms, surrogates and what lies above U+10FFFF.
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    const second = buffer[i + 1]!
    if (second < low || second > high) return i
    for (let k = 2; k < length; k++) if ((buffer[i + k]! & 0xc0) !== 0x80) return i
    i += length
  }
  return -1
}

/** What follows a reason: where to look. */
export const place = (name: string, line: number): string => `(${name} line ${line})`

export const tooLong = (bytes: Bytes): string => `record of ${bytes} bytes, the limit is ${RECORD_BYTES_MAX}`

export const valueTooLong = (bytes: Bytes): string =>
  `record of ${bytes} bytes with its key, the limit is ${VALUE_BYTES_MAX}`
