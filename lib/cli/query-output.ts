import { cellJson, cellText } from '#cli/cell.ts'
import { Grid } from '#cli/grid.ts'
import type { Terminal } from '#cli/terminal.ts'

export type QueryFormat = 'table' | 'csv' | 'json'

export interface ResultColumn {
  readonly name: string
  /** DuckDB's name of the type: BIGINT, TIMESTAMP WITH TIME ZONE, … */
  readonly type: string
}

export interface RowWriter {
  add(row: readonly unknown[]): Promise<void>
  end(): Promise<void>
}

const NUMBERS = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL)/
const UNKNOWN = { kind: undefined, zone: 'UTC' }

/** Writes a result as it comes: nothing is kept but what aligning a table needs. */
export function rowWriter(terminal: Terminal, format: QueryFormat, columns: readonly ResultColumn[]): RowWriter {
  if (format === 'table') return tableWriter(terminal, columns)
  return format === 'csv' ? csvWriter(terminal, columns) : jsonWriter(terminal, columns)
}

function tableWriter(terminal: Terminal, columns: readonly ResultColumn[]): RowWriter {
  const grid = new Grid(
    terminal,
    columns.map(({ name, type }) => ({ title: name, right: NUMBERS.test(type) })),
  )
  return {
    add: (row) => grid.add(columns.map((_, i) => cellText(row[i], UNKNOWN))),
    end: () => grid.end(),
  }
}

/** RFC 4180, with the line ends of Unix. Null is empty, empty text is "". */
function csvWriter(terminal: Terminal, columns: readonly ResultColumn[]): RowWriter {
  const write = async (cells: readonly string[]): Promise<void> => {
    terminal.out(`${cells.join(',')}\n`)
    await terminal.written()
  }
  let begun = false
  const begin = async (): Promise<void> => {
    if (!begun) await write(columns.map(({ name }) => csvCell(name)))
    begun = true
  }
  return {
    async add(row) {
      await begin()
      await write(columns.map((_, i) => csvCell(row[i])))
    },
    end: begin,
  }
}

function csvCell(value: unknown): string {
  const json = cellJson(value, UNKNOWN)
  if (json === null) return ''
  const text = typeof json === 'object' ? JSON.stringify(json) : String(json)
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function jsonWriter(terminal: Terminal, columns: readonly ResultColumn[]): RowWriter {
  const names = distinct(columns.map(({ name }) => name))
  return {
    async add(row) {
      const line = Object.fromEntries(names.map((name, i) => [name, cellJson(row[i], UNKNOWN)]))
      terminal.out(`${JSON.stringify(line)}\n`)
      await terminal.written()
    },
    async end() {},
  }
}

/** SQL may give two columns one name; the members of an object can't have that: the second is `name_1`. */
function distinct(names: readonly string[]): readonly string[] {
  const taken = new Set(names)
  return names.map((name, i) => {
    if (names.indexOf(name) === i) return name
    let number = 1
    while (taken.has(`${name}_${number}`)) number++
    taken.add(`${name}_${number}`)
    return `${name}_${number}`
  })
}
