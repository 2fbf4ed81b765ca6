/** Element types of the Thrift compact protocol. */
export const ThriftType = {
  true: 1,
  false: 2,
  i8: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  struct: 12,
} as const

const encoder = new TextEncoder()

/**
 * Writes the Thrift compact protocol: what Parquet's page headers and footer are made of. Fields of a struct must come in
 * ascending order of their ids. An empty list is refused: delta-rs's DataFusion reader fails on one.
 */
export class ThriftWriter {
  #bytes = new Uint8Array(1024)
  #end = 0
  /** Id of the last field in the innermost open struct, and those of the structs around it. */
  #last = 0
  readonly #outer: number[] = []

  /** A field that is a struct; close it with `end`. */
  struct(id: number): void {
    this.#field(id, ThriftType.struct)
    this.begin()
  }

  /** An element of a list of structs (or the outermost struct); close it with `end`. */
  begin(): void {
    this.#outer.push(this.#last)
    this.#last = 0
  }

  end(): void {
    this.#byte(0)
    this.#last = this.#outer.pop() ?? 0
  }

  bool(id: number, value: boolean): void {
    this.#field(id, value ? ThriftType.true : ThriftType.false)
  }

  i8(id: number, value: number): void {
    this.#field(id, ThriftType.i8)
    this.#byte(value)
  }

  i16(id: number, value: number): void {
    this.#field(id, ThriftType.i16)
    this.#zigzag(value)
  }

  i32(id: number, value: number): void {
    this.#field(id, ThriftType.i32)
    this.#zigzag(value)
  }

  /** |value| < 2^52: offsets and counts. */
  i64(id: number, value: number): void {
    this.#field(id, ThriftType.i64)
    this.#zigzag(value)
  }

  binary(id: number, value: Uint8Array): void {
    this.#field(id, ThriftType.binary)
    this.binaryElement(value)
  }

  text(id: number, value: string): void {
    this.binary(id, encoder.encode(value))
  }

  list(id: number, elementType: number, size: number): void {
    if (size === 0) throw new RangeError('expected a list with elements: an empty one must be left out')
    this.#field(id, ThriftType.list)
    if (size < 15) {
      this.#byte((size << 4) | elementType)
    } else {
      this.#byte(0xf0 | elementType)
      this.#varint(size)
    }
  }

  i32Element(value: number): void {
    this.#zigzag(value)
  }

  binaryElement(value: Uint8Array): void {
    this.#varint(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#end)
    this.#end += value.length
  }

  textElement(value: string): void {
    this.binaryElement(encoder.encode(value))
  }

  /** A copy of what was written; the writer is empty again. */
  take(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#end)
    this.#end = 0
    return bytes
  }

  #field(id: number, type: number): void {
    const step = id - this.#last
    if (step <= 0) throw new RangeError(`expected fields in ascending order, found ${id} after ${this.#last}`)
    if (step < 16) {
      this.#byte((step << 4) | type)
    } else {
      this.#byte(type)
      this.#zigzag(id)
    }
    this.#last = id
  }

  #zigzag(value: number): void {
    this.#varint(value < 0 ? -value * 2 - 1 : value * 2)
  }

  #varint(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.#byte((rest % 128) | 128)
      rest = Math.floor(rest / 128)
    }
    this.#byte(rest)
  }

  #byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#end++] = value
  }

  #reserve(size: number): void {
    if (this.#end + size <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#end + size))
    grown.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = grown
  }
}
