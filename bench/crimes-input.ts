import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * The input of the whole-run benchmark: the given portal files (together 61 days), `copies` times end to end. Copy k is moved by
 * 61 × k days of wall-clock time, ids by 20,000,000 × k, and the first two letters of case numbers count on, so nothing repeats.
 * Returns the number of records.
 */
export function writeCopies(files: readonly string[], copies: number, out: string): number {
  const tables = files.map((file) => readFileSync(file, 'utf8').trimEnd().split(/\r?\n/))
  const header = tables[0]![0]!
  const rows = tables.flatMap((lines) => lines.slice(1).map(splitRow))
  mkdirSync(dirname(out), { recursive: true })
  const file = openSync(out, 'w')
  writeSync(file, `${header}\r\n`)
  for (let copy = 0; copy < copies; copy++) {
    const lines = rows.map((row) => shift(row, copy)).join('\r\n')
    writeSync(file, `${lines}\r\n`)
  }
  closeSync(file)
  return rows.length * copies
}

interface Row {
  readonly id: number
  readonly caseNumber: string
  readonly day: number
  readonly time: string
  readonly rest: string
}

const DAY = 86_400_000
const COPY_DAYS = 61
const COPY_IDS = 20_000_000

/** ID, Case Number and Date are the portal's first three columns, and never quoted. */
function splitRow(line: string): Row {
  const [id = '', caseNumber = '', date = ''] = line.split(',', 3)
  const [month = '', day = '', year = ''] = date.slice(0, 10).split('/')
  return {
    id: Number(id),
    caseNumber,
    day: Date.UTC(Number(year), Number(month) - 1, Number(day)) / DAY,
    time: date.slice(10),
    rest: line.slice(id.length + caseNumber.length + date.length + 2),
  }
}

function shift({ id, caseNumber, day, time, rest }: Row, copy: number): string {
  const iso = new Date((day + COPY_DAYS * copy) * DAY).toISOString()
  const letters = (caseNumber.charCodeAt(0) - 65) * 26 + caseNumber.charCodeAt(1) - 65 + copy
  const series = String.fromCharCode(65 + (Math.floor(letters / 26) % 26), 65 + (letters % 26)) + caseNumber.slice(2)
  return `${id + COPY_IDS * copy},${series},${iso.slice(5, 7)}/${iso.slice(8, 10)}/${iso.slice(0, 4)}${time}${rest}`
}

if (import.meta.main && !existsSync(process.argv[3]!)) {
  const [copies = '20', out = 'bench/data/crimes.csv', ...files] = process.argv.slice(2)
  process.stdout.write(`${writeCopies(files, Number(copies), out)} records in ${out}\n`)
}
