import { ThriftType } from './thrift-writer.ts'

/**
 * Reads the Thrift compact protocol, as far as page headers need it: fields one after the other, those that nobody asks for passed
 * over. Every read is within the bytes: damage is a RangeError, never a value from beyond.
 */
export class ThriftReader {
  readonly #bytes: Uint8Array
  #at: number
  #type = 0

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes
    this.#at = start
  }

  /** Where the next byte is. */
  get offset(): number {
    return this.#at
  }

  /** Id of the next field of a struct whose last one was `last`; 0 at the end of the struct. */
  field(last: number): number {
    const head = this.#byte()
    if (head === 0) return 0
    this.#type = head & 15
    const step = head >>> 4
    return step === 0 ? this.#zigzag() : last + step
  }

  /** The value of the field, a whole number of up to 32 bits. */
  int(): number {
    return this.#zigzag()
  }

  bool(): boolean {
    return this.#type === ThriftType.true
  }

  /** Passes over the value of the field. */
  skip(): void {
    this.#skip(this.#type)
  }

  #skip(type: number): void {
    switch (type) {
      case ThriftType.true:
      case ThriftType.false:
        return
      case ThriftType.i8:
        this.#move(1)
        return
      case ThriftType.i16:
      case ThriftType.i32:
      case ThriftType.i64:
        this.#varint()
        return
      case ThriftType.double:
        this.#move(8)
        return
      case ThriftType.binary:
        this.#move(this.#varint())
        return
      case ThriftType.list:
      case ThriftType.set:
        this.#skipList()
        return
      case ThriftType.struct:
        this.#skipStruct()
        return
      default:
        throw new RangeError(`a page header has a field of the unknown type ${type}`)
    }
  }

  #skipList(): void {
    const head = this.#byte()
    const size = head >>> 4 === 15 ? this.#varint() : head >>> 4
    const type = head & 15
    const isFlag = type === ThriftType.true || type === ThriftType.false
    for (let i = 0; i < size; i++) {
      // As elements flags are bytes.
      if (isFlag) this.#move(1)
      else this.#skip(type)
    }
  }

  #skipStruct(): void {
    while (true) {
      const head = this.#byte()
      if (head === 0) return
      if (head >>> 4 === 0) this.#varint()
      this.#skip(head & 15)
    }
  }

  #move(size: number): void {
    this.#at += size
    if (this.#at > this.#bytes.length) throw new RangeError('a page header reaches beyond the end of its column')
  }

  #byte(): number {
    this.#move(1)
    return this.#bytes[this.#at - 1]!
  }

  #varint(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 70; factor *= 128) {
      const byte = this.#byte()
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
    throw new RangeError('a page header has a number of more than 64 bits')
  }

  #zigzag(): number {
    const value = this.#varint()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }
}
