import type { Bytes, EpochMillis } from '#core/time.ts'
import { CRIME_FIELDS, PORTAL_COLUMNS } from '#local/simulator-city.ts'
import { CrimeCells } from '#local/simulator-crime-cells.ts'
import type { Fields } from '#schema/column.ts'
import { CsvJson } from '#schema/csv-json.ts'
import type { SourceRecord } from '#schema/csv-reader.ts'
import type { ByteTarget } from '#schema/record-packer.ts'

/** An endless sequence of records, each a function of its number: after `seek` the simulator is that record. */
export interface Simulator extends SourceRecord {
  /** Identity for exactly-once feeding: a simulator with the same source makes the same records. */
  readonly source: string
  /** Makes record number `sequence`, from 0. Cost: some microseconds, whatever the number. */
  seek(sequence: number): void
  /** Event time of the record; NaN where it can't be read. */
  readonly eventTime: EpochMillis
  /** When, in event time, record number `sequence` is reported: never goes back, never before its event time. */
  reportTime(sequence: number): EpochMillis
  /** Record number `sequence` as text. */
  json(sequence: number): string
}

export interface CrimeSimulatorOptions {
  /** A whole number; the same seed, the same crimes. */
  readonly seed: number
  /** About when the first crime happens. Part of the source's identity. */
  readonly start: EpochMillis
  /** The topic's fields; those that are no column of the portal are left out. Default: CRIME_FIELDS. */
  readonly fields?: Fields
  /** The field that becomes the key. Default: `district`. */
  readonly key?: string | null
}

/**
 * Crimes as the city of Chicago publishes them: 30 an hour by a weekly rhythm, 22 districts, reported up to 20 hours late, so
 * out of order by less than a day. One evening in five days a district has some twenty thefts within five hours. 0.5 % are
 * without coordinates, 0.3 % without a district, 0.05 % have no readable date.
 */
export function crimeSimulator(options: CrimeSimulatorOptions): Simulator {
  return new CrimeSimulator(options)
}

class CrimeSimulator implements Simulator {
  readonly source: string
  keyBuffer: Uint8Array | null = null
  keyStart = 0
  keyEnd = 0
  readonly reason = ''
  readonly rawStart = 0
  readonly #cells: CrimeCells
  readonly #json: CsvJson
  #sequence = 0

  constructor({ seed, start, fields = CRIME_FIELDS, key = 'district' }: CrimeSimulatorOptions) {
    this.source = `simulator:${seed}:${new Date(start).toISOString()}`
    this.#cells = new CrimeCells(seed, start)
    const columns = PORTAL_COLUMNS.map((name) => name.toLowerCase().replaceAll(' ', '_'))
    const columnOf = Int32Array.from(fields, ({ name }) => columns.indexOf(name))
    this.#json = new CsvJson(fields, columnOf, key)
    this.seek(0)
  }

  seek(sequence: number): void {
    this.#sequence = sequence
    this.#cells.make(sequence)
    this.#json.findKey(this.#cells)
    this.keyBuffer = this.#json.keyBuffer
    this.keyStart = this.#json.keyStart
    this.keyEnd = this.#json.keyEnd
  }

  get eventTime(): EpochMillis {
    return this.#cells.eventTime
  }

  reportTime(sequence: number): EpochMillis {
    return this.#cells.reportTime(sequence)
  }

  json(sequence: number): string {
    this.seek(sequence)
    const buffer = new Uint8Array(this.room)
    const length = this.write({ buffer, view: new DataView(buffer.buffer) }, 0)
    return new TextDecoder().decode(buffer.subarray(0, length))
  }

  get room(): Bytes {
    return this.#json.room(this.#cells.length, false)
  }

  write(target: ByteTarget, at: number): number {
    return this.#json.write(this.#cells, target, at)
  }

  get place(): string {
    return `(${this.source} number ${this.#sequence})`
  }

  get rawBuffer(): Uint8Array {
    return this.#cells.buffer
  }

  get rawEnd(): number {
    return this.#cells.length
  }
}
