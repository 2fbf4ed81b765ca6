const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'
const DIGITS = new Map(Array.from(ALPHABET, (character, digit) => [character.charCodeAt(0), digit]))

/**
 * Decodes Z85 (ZeroMQ RFC 32), in which Delta's log holds UUIDs and small deletion vectors: 5 characters are 4 bytes.
 *
 * @throws RangeError for text that is none
 */
export function decodeZ85(text: string): Uint8Array {
  if (text.length % 5 !== 0) throw new RangeError(`expected a multiple of 5 characters, found ${text.length}`)
  const bytes = new Uint8Array((text.length / 5) * 4)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < text.length; i += 5) {
    let value = 0
    for (let at = i; at < i + 5; at++) {
      const digit = DIGITS.get(text.charCodeAt(at))
      if (digit === undefined) throw new RangeError(`expected a character of Z85, found ${JSON.stringify(text[at])}`)
      value = value * 85 + digit
    }
    if (value > 0xffff_ffff) throw new RangeError(`expected 4 bytes, found ${JSON.stringify(text.slice(i, i + 5))}`)
    view.setUint32((i / 5) * 4, value)
  }
  return bytes
}
