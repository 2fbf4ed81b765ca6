import type { EpochMillis } from '#core/time.ts'
import { PORTAL_COLUMNS } from '#local/simulator-city.ts'
import { CrimeCells } from '#local/simulator-crime-cells.ts'

export interface CrimesCsvOptions {
  /** 22 as the portal has them (default), or 20: without Year and Location. */
  readonly columns?: 20 | 22
  /** Default: 2018-06-01, midnight in Chicago. */
  readonly start?: EpochMillis
}

const COMMA = 44
const QUOTE = 34
const DEFAULT_START: EpochMillis = Date.UTC(2018, 5, 1, 5)

/** The first `count` crimes of `crimeSimulator` with this seed as a file of the portal: CSV with a header, lines end in CRLF. */
export function writeCrimesCsv(seed: number, count: number, options: CrimesCsvOptions = {}): Uint8Array {
  const { columns = 22, start = DEFAULT_START } = options
  const kept = [...PORTAL_COLUMNS.keys()].filter(
    (i) => columns === 22 || (PORTAL_COLUMNS[i] !== 'Year' && PORTAL_COLUMNS[i] !== 'Location'),
  )
  const header = Buffer.from(`${kept.map((i) => PORTAL_COLUMNS[i]).join(',')}\r\n`)
  const cells = new CrimeCells(seed, start)
  let out = Buffer.allocUnsafe(header.length + count * 300 + 1024)
  let at = header.copy(out)
  for (let sequence = 0; sequence < count; sequence++) {
    cells.make(sequence)
    // Each cell may get a comma and two quotes.
    if (at + cells.length + 3 * kept.length + 2 > out.length) out = Buffer.concat([out], out.length * 2)
    for (const [i, column] of kept.entries()) {
      const start = cells.starts[column]!
      const end = cells.ends[column]!
      if (i > 0) out[at++] = COMMA
      const quoted = cells.buffer.subarray(start, end).includes(COMMA)
      if (quoted) out[at++] = QUOTE
      at += cells.buffer.copy(out, at, start, end)
      if (quoted) out[at++] = QUOTE
    }
    out[at++] = 13
    out[at++] = 10
  }
  return new Uint8Array(out.buffer, out.byteOffset, at)
}
