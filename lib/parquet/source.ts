import { SluiceError } from '#core/errors.ts'

/** Random access to the bytes of a file: hyparquet's AsyncBuffer. A slice is the caller's to keep. */
export interface ParquetSource {
  readonly byteLength: number
  /** Bytes [start, end), exactly. One request where the bytes are remote. */
  slice(start: number, end?: number): Promise<ArrayBuffer> | ArrayBuffer
}

/** A file that is in memory already. */
export function bytesSource(bytes: Uint8Array): ParquetSource {
  return {
    byteLength: bytes.byteLength,
    slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
  }
}

/** The first read of a file: the footer of most, the whole of small ones. What it holds beside the footer is read for nothing. */
export const TAIL_BYTES = 64 * 1024

/**
 * A source that reads the end of the file once, keeps it, and serves from it what lies in it; and that tells faults of the
 * source (which are not the file's) from those of the file.
 */
export class FileTail implements ParquetSource {
  readonly byteLength: number
  readonly #source: ParquetSource
  readonly #name: string
  #tail: Promise<ArrayBuffer> | undefined
  #fault: { readonly error: unknown } | undefined

  constructor(source: ParquetSource, name: string) {
    this.byteLength = source.byteLength
    this.#source = source
    this.#name = name
  }

  async slice(start: number, end: number = this.byteLength): Promise<ArrayBuffer> {
    if (!(start >= 0 && start <= end && end <= this.byteLength)) {
      throw new RangeError(`bytes ${start} to ${end} are outside the file, which has ${this.byteLength}`)
    }
    const tailStart = Math.max(0, this.byteLength - TAIL_BYTES)
    if (start < tailStart) return this.#read(start, end)
    this.#tail ??= this.#read(tailStart, this.byteLength)
    return (await this.#tail).slice(start - tailStart, end - tailStart)
  }

  /** What to throw when reading failed with `error`: the source's own error, or PARQUET_INVALID that says what was found. */
  failure(error: unknown): unknown {
    if (this.#fault !== undefined) return this.#fault.error
    if (error instanceof SluiceError) return error
    const found = error instanceof Error ? error.message : String(error)
    return new SluiceError(
      'PARQUET_INVALID',
      `Expected ${this.#name} to be a Parquet file of ${this.byteLength} bytes, found damage: ${found}. ` +
        'Restore the file, or write it again from its source.',
      { details: { name: this.#name, byteLength: this.byteLength }, cause: error },
    )
  }

  async #read(start: number, end: number): Promise<ArrayBuffer> {
    let bytes: ArrayBuffer
    try {
      bytes = await this.#source.slice(start, end)
    } catch (error) {
      this.#fault = { error }
      throw error
    }
    if (bytes.byteLength !== end - start) {
      throw new RangeError(`bytes ${start} to ${end} were asked for, ${bytes.byteLength} came`)
    }
    return bytes
  }
}
