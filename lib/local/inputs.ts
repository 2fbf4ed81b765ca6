import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { SluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'
import { folderError, inputError } from '#local/inputs-error.ts'
import { JsonLinesReader } from '#local/inputs-json-lines.ts'
import type { Fields } from '#schema/column.ts'
import { type CsvHeader, readCsvHeader } from '#schema/csv-header.ts'
import { RECORD_BYTES_MAX } from '#schema/csv-limits.ts'
import { CsvReader, type RecordReader } from '#schema/csv-reader.ts'

const HEAD_BYTES = RECORD_BYTES_MAX + 2

export type InputFormat = 'csv' | 'json lines'

/** An input file that is open and fits the topic. Whoever opened it closes `file`. */
export interface Input {
  /** File descriptor. */
  readonly file: number
  /** Base name, for messages. */
  readonly name: string
  readonly size: Bytes
  readonly format: InputFormat
  /** Where records begin. */
  readonly start: Bytes
  /** A reader for records from a position on, which is on `line`; undefined: from the first record. */
  readerAt(key: string | null, line?: number): RecordReader
}

/**
 * Opens a CSV file (`.csv`) or JSON lines (`.jsonl`, `.ndjson`, `.json`) and reads its header. Cost: up to 1 MB of reads.
 *
 * @throws SluiceError INPUT_NOT_FOUND, INPUT_IS_FOLDER, INPUT_UNREADABLE, INPUT_FORMAT_UNKNOWN, INPUT_EMPTY, and for CSV those of
 * readCsvHeader and CSV_HEADER_ONLY
 */
export function openInput(path: string, fields: Fields): Input {
  const name = basename(path)
  const file = openFile(path)
  try {
    const format = formatOf(path)
    const size = fstatSync(file).size
    const head = readAt(path, file, 0, Math.min(size, HEAD_BYTES))
    const whole = head.length === size
    if (size === 0) throw emptyInput(name)
    if (format === 'csv') {
      const header = readCsvHeader(head, whole, name, fields)
      if (whole && isBlank(head, header.end)) throw headerOnly(name, header)
      const readerAt = (key: string | null, line?: number): RecordReader =>
        new CsvReader(name, header, fields, key, line)
      return { file, name, size, format, start: header.end, readerAt }
    }
    const start = jsonLinesStart(head, whole, name)
    const readerAt = (key: string | null, line = 1): RecordReader => new JsonLinesReader(name, fields, key, line)
    return { file, name, size, format, start, readerAt }
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** Opens each input and closes it again: so that what is wrong with the last one is known before the first is fed. */
export function checkInputs(paths: readonly string[], fields: Fields): void {
  for (const path of paths) closeSync(openInput(path, fields).file)
}

function openFile(path: string): number {
  try {
    const found = statSync(path)
    if (found.isDirectory()) throw folderError(path)
    if (!found.isFile()) {
      throw new SluiceError(
        'INPUT_UNREADABLE',
        `${path} can't be read: it is a device, a pipe or a socket, expected a file. Write the records to a file first.`,
      )
    }
    return openSync(path, 'r')
  } catch (error) {
    throw error instanceof SluiceError ? error : inputError(path, error)
  }
}

function formatOf(path: string): InputFormat {
  const extension = extname(path).toLowerCase()
  if (extension === '.csv') return 'csv'
  if (extension === '.jsonl' || extension === '.ndjson' || extension === '.json') return 'json lines'
  const found = extension === '' ? 'none' : `'${extension}'`
  throw new SluiceError(
    'INPUT_FORMAT_UNKNOWN',
    `${path}: expected a file that ends in .csv (with a header line), or in .jsonl, .ndjson or .json (one JSON object a line), ` +
      `found ${found}. Unpack or convert the file, or rename it.`,
  )
}

function readAt(path: string, file: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  try {
    while (at < length) {
      const read = readSync(file, bytes, at, length - at, position + at)
      if (read === 0) break
      at += read
    }
  } catch (error) {
    throw inputError(path, error)
  }
  return bytes.subarray(0, at)
}

function isBlank(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 10 && bytes[i] !== 13) return false
  return true
}

const emptyInput = (name: string): SluiceError =>
  new SluiceError(
    'INPUT_EMPTY',
    `${name} is empty. Expected records: CSV with a header line, or one JSON object a line.`,
  )

function headerOnly(name: string, header: CsvHeader): SluiceError {
  return new SluiceError(
    'CSV_HEADER_ONLY',
    `${name} has a header of ${header.names.length} columns and no records. Expected at least one record.`,
  )
}

/** After the byte order mark. */
function jsonLinesStart(head: Uint8Array, whole: boolean, name: string): number {
  const start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0
  const first = head.subarray(start).findIndex((byte) => byte !== 10 && byte !== 13 && byte !== 32 && byte !== 9)
  if (first < 0 && whole) throw emptyInput(name)
  const byte = head[start + first]
  if (byte === 0x5b || byte === 0xff || byte === 0xfe) {
    const found = byte === 0x5b ? "found a JSON array ('[')" : 'found text in UTF-16'
    throw new SluiceError(
      'INPUT_FORMAT_UNKNOWN',
      `${name}: expected JSON lines in UTF-8 (one object a line), ${found}. Convert it, for example with: jq -c '.[]'`,
    )
  }
  return start
}
