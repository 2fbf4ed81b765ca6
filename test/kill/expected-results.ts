import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { TableRows } from './read-run.ts'

const expected = new URL('../../../shared/data/expected/', import.meta.url)
const TABLES = ['crime_per_district_day', 'crimes_anomaly']
/** Summer time in Chicago is five hours behind UTC. */
const BEHIND_UTC = 5 * 3_600_000

type Cells = Readonly<Record<string, unknown>>

/**
 * What a run's gold tables have otherwise than the expected results of the months that were its inputs; nothing where there are
 * none. Those results have Chicago's times without a zone, and districts without leading zeros.
 */
export function unexpected(found: TableRows, inputs: readonly string[]): readonly string[] {
  const months = inputs.flatMap((input) => /2018-0[67]/.exec(basename(input))?.[0] ?? [])
  if (months.length !== inputs.length || months.length === 0 || !existsSync(expected)) return []
  return TABLES.flatMap((table) => {
    const wanted = months.flatMap((month) => expectedRows(month, table))
    const columns = Object.keys(wanted[0]!)
    const lines = wanted.map((row) => lineOf(columns, row)).sort()
    const rows = (found.get(`gold/${table}`) ?? []).map((text) => lineOf(columns, JSON.parse(text))).sort()
    const wrong = [...rows.filter((row) => !lines.includes(row)), ...lines.filter((line) => !rows.includes(line))]
    if (wrong.length === 0 && rows.length === lines.length) return []
    return [
      `${table}: ${rows.length} rows, not the ${lines.length} expected of ${months.join(' and ')}; such as ${wrong[0]}`,
    ]
  })
}

function expectedRows(month: string, table: string): readonly Cells[] {
  const text = readFileSync(new URL(`${month}_${table}.csv`, expected), 'utf8')
  const [header, ...lines] = text.trim().split(/\r?\n/)
  const columns = header!.split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [columns[i]!, cell])))
}

function lineOf(columns: readonly string[], row: Cells): string {
  return columns.map((column) => cellOf(column, row[column])).join(' ')
}

function cellOf(column: string, value: unknown): unknown {
  if (column === 'primary_type') return value
  return column.startsWith('window') && typeof value === 'string' ? Date.parse(`${value}Z`) + BEHIND_UTC : Number(value)
}
