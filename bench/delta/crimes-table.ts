import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeCrimesCsv } from '#local/simulator-csv.ts'
import { ParquetRowsWriter } from '#parquet/rows-writer.ts'
import { writeCopies } from '../crimes-input.ts'
import { CRIME_COLUMNS } from './crime-columns.ts'

/** Rows of the table that the benchmarks write and read. */
export const ROWS = 1_000_000

type Row = Record<string, unknown>

/**
 * One Parquet file of a million crimes of 22 columns, made once: the two months of test data end to end, as bench/main.ts makes its
 * input, or simulated crimes. Every engine starts from its columns.
 */
export function crimesTable(root: string): string {
  const months = ['06', '07'].map((month) => join(root, `../shared/data/crimes/crimes_2018-${month}.csv`))
  const real = months.every((file) => existsSync(file))
  const table = join(root, `bench/data/${real ? 'crimes' : 'simulated'}-1m.parquet`)
  if (existsSync(table)) return table
  mkdirSync(dirname(table), { recursive: true })
  const csv = `${table}.csv`
  if (real) writeCopies(months, 21, csv)
  else writeFileSync(csv, writeCrimesCsv(1, ROWS))
  const writer = new ParquetRowsWriter(CRIME_COLUMNS)
  const file = openSync(table, 'w')
  const write = (pieces: readonly Uint8Array[]): void => {
    for (const piece of pieces) writeSync(file, piece)
  }
  for (const rows of crimesOf(csv)) write(writer.add(rows))
  write(writer.finish().pieces)
  closeSync(file)
  rmSync(csv)
  return table
}

/** The first million records, ten thousand at a time. */
function* crimesOf(csv: string): Generator<readonly Row[]> {
  const lines = readFileSync(csv, 'latin1').split(/\r?\n/)
  const names = cellsOf(lines[0]!).map((name) => name.toLowerCase().replaceAll(' ', '_'))
  for (let from = 1; from <= ROWS; from += 10_000) {
    const until = Math.min(from + 10_000, ROWS + 1)
    yield lines.slice(from, until).map((line) => crimeOf(names, cellsOf(line)))
  }
}

function crimeOf(names: readonly string[], cells: readonly string[]): Row {
  const text: Record<string, string> = Object.fromEntries(names.map((name, i) => [name, cells[i] ?? '']))
  const number = (name: string): number | null => (text[name] ? Number(text[name]) : null)
  const date = instantOf(text['date']!)
  const [latitude, longitude] = [number('latitude'), number('longitude')]
  return {
    id: number('id'),
    case_number: text['case_number'],
    date,
    block: text['block'],
    iucr: text['iucr'],
    primary_type: text['primary_type'],
    description: text['description'],
    location_description: text['location_description'] || null,
    arrest: text['arrest'] === 'true',
    domestic: text['domestic'] === 'true',
    beat: text['beat'],
    district: text['district'],
    ward: number('ward'),
    community_area: number('community_area'),
    fbi_code: text['fbi_code'],
    x_coordinate: number('x_coordinate'),
    y_coordinate: number('y_coordinate'),
    year: new Date(date).getUTCFullYear(),
    updated_on: text['updated_on'] ? instantOf(text['updated_on']) : null,
    latitude,
    longitude,
    location: latitude === null ? null : `(${latitude}, ${longitude})`,
  }
}

/** `06/01/2018 03:00:00 PM`, taken as UTC. */
function instantOf(text: string): number {
  const [month, day, year, hour, minute, second] = text.split(/[/ :]/).map(Number)
  return Date.UTC(year!, month! - 1, day, (hour! % 12) + (text.endsWith('PM') ? 12 : 0), minute, second)
}

function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',')
  return Array.from(line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g), ([, cell = '']) =>
    cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
  )
}
