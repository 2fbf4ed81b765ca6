/** Reads the zigzag variable-length numbers of Kafka's record format. */
export class Cursor {
  readonly bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.at = at
  }

  /** Exact up to 53 bits, which holds lengths, offset deltas and timestamp deltas. */
  varint(): number {
    const first = this.bytes[this.at++]!
    if (first < 0x80) return (first >>> 1) ^ -(first & 1)
    let value = first & 0x7f
    let scale = 0x80
    let byte: number
    do {
      byte = this.bytes[this.at++]!
      value += (byte & 0x7f) * scale
      scale *= 0x80
    } while (byte >= 0x80)
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}
