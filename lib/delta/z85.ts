const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'
const DIGITS = new Map(Array.from(ALPHABET, (character, digit) => [character.charCodeAt(0), digit]))

/** Starts a last block of fewer than 4 bytes: one for each byte that is missing. In front of a whole block it would be too much for 4 bytes. */
const MISSING = '#'

/**
 * Decodes Z85 (ZeroMQ RFC 32), in which Delta's log holds UUIDs and small deletion vectors: 5 characters are 4 bytes. Some writers
 * mark a shorter end instead of filling it up with zeros: `##093` is the 2 bytes of `093`.
 *
 * @throws RangeError for text that is none
 */
export function decodeZ85(text: string): Uint8Array {
  if (text.length % 5 !== 0) throw new RangeError(`expected a multiple of 5 characters, found ${text.length}`)
  const bytes = new Uint8Array((text.length / 5) * 4)
  const view = new DataView(bytes.buffer)
  const last = text.length - 5
  let missing = 0
  for (let i = 0; i < text.length; i += 5) {
    while (i === last && missing < 3 && text[i + missing] === MISSING) missing++
    let value = 0
    for (let at = i === last ? i + missing : i; at < i + 5; at++) {
      const digit = DIGITS.get(text.charCodeAt(at))
      if (digit === undefined) throw new RangeError(`expected a character of Z85, found ${JSON.stringify(text[at])}`)
      value = value * 85 + digit
    }
    if (i === last) value *= 256 ** missing
    if (value > 0xffff_ffff) throw new RangeError(`expected 4 bytes, found ${JSON.stringify(text.slice(i, i + 5))}`)
    view.setUint32((i / 5) * 4, value)
  }
  return bytes.subarray(0, bytes.length - missing)
}
