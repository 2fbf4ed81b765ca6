import { read } from 'node:fs'
import { promisify } from 'node:util'
import { SluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'
import type { Input } from '#local/inputs.ts'
import { inputError } from '#local/inputs-error.ts'
import { RECORD_BYTES_MAX } from '#schema/csv-limits.ts'

const CHUNK = 1024 * 1024
const readFile = promisify(read)

/** The part of an input that is in memory, and the next chunk on its way: 3 MB in all, whatever the file's size. */
export class InputWindow {
  /** buffer[start, end) is what has not been used yet. */
  readonly buffer = new Uint8Array(RECORD_BYTES_MAX + 2 + CHUNK)
  start = 0
  end = 0
  /** Position in the file of buffer[0]. */
  position: Bytes
  readonly #input: Input
  readonly #ahead = new Uint8Array(CHUNK)
  #pending: Promise<number>

  constructor(input: Input, from: Bytes) {
    this.#input = input
    this.position = from
    this.#pending = this.#read(from)
  }

  /** Whether the file ends at `end`. */
  get last(): boolean {
    return this.position + this.end >= this.#input.size
  }

  /**
   * Moves the rest to the front and adds the next chunk. What is left must be no more than RECORD_BYTES_MAX + 2 bytes.
   * @throws SluiceError INPUT_UNREADABLE
   */
  async fill(): Promise<void> {
    const length = await this.#pending
    this.buffer.copyWithin(0, this.start, this.end)
    this.position += this.start
    this.end -= this.start
    this.start = 0
    this.buffer.set(this.#ahead.subarray(0, length), this.end)
    this.end += length
    if (length === 0 && !this.last) {
      throw new SluiceError(
        'INPUT_UNREADABLE',
        `${this.#input.name} became shorter while it was read: expected ${this.#input.size} bytes, found ${this.position + this.end}.`,
      )
    }
    this.#pending = this.#read(this.position + this.end)
  }

  /** Lets the read that is under way end; then the file may be closed. */
  async close(): Promise<void> {
    await this.#pending.catch(() => {})
  }

  #read(position: Bytes): Promise<number> {
    const length = Math.min(CHUNK, this.#input.size - position)
    if (length <= 0) return Promise.resolve(0)
    const pending = readFile(this.#input.file, this.#ahead, 0, length, position).then(
      ({ bytesRead }) => bytesRead,
      (error: unknown) => Promise.reject(inputError(this.#input.name, error)),
    )
    // It is awaited later, or never.
    pending.catch(() => {})
    return pending
  }
}

/** Number of line feeds before `position`. Cost: reads that much of the file. */
export async function countLineFeeds(input: Input, position: Bytes): Promise<number> {
  const chunk = new Uint8Array(CHUNK)
  let lines = 0
  for (let at = 0; at < position; ) {
    const { bytesRead } = await readFile(input.file, chunk, 0, Math.min(CHUNK, position - at), at)
    if (bytesRead === 0) break
    for (let i = chunk.indexOf(10); i >= 0 && i < bytesRead; i = chunk.indexOf(10, i + 1)) lines++
    at += bytesRead
  }
  return lines
}
