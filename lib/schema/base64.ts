const SEXTETS = new Int8Array(256).fill(-1)
for (const [value, letter] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  SEXTETS[letter.charCodeAt(0)] = value
}

const PAD = 0x3d

/**
 * Decodes base64 text [start, end) (RFC 4648 §4, padding may be left out) to `target` from `at` on, which must have room for
 * three bytes each four letters. Gives the end of what it wrote, or −1 for anything that isn't base64.
 */
export function decodeBase64(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  let last = end
  if ((end - start) % 4 === 0) {
    if (last > start && source[last - 1] === PAD) last--
    if (last > start && source[last - 1] === PAD) last--
  }
  if ((last - start) % 4 === 1) return -1
  let bits = 0
  let held = 0
  let to = at
  for (let from = start; from < last; from++) {
    const sextet = SEXTETS[source[from]!]!
    if (sextet < 0) return -1
    bits = (bits << 6) | sextet
    held += 6
    if (held >= 8) {
      held -= 8
      target[to++] = (bits >> held) & 0xff
      bits &= (1 << held) - 1
    }
  }
  // bits that would be lost
  return bits === 0 ? to : -1
}
