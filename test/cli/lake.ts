import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readLake } from '#cli/lake-reader.ts'
import { isWindowOutput } from '#plan/plan.ts'
import crimes from '../../pipelines/crimes.ts'
import { type Contents, latestRows, linesOf, type TableRow, without } from '../support/table-rows.ts'

export type Tables = Readonly<Record<string, readonly TableRow[]>>

/**
 * All rows of all tables, read by the latest snapshot of each.
 *
 * @throws Error when a log has a gap, or anything half-written is in sight
 */
export async function tablesOf(dataFolder: string): Promise<Tables> {
  const lake = readLake(dataFolder)
  const tables: Record<string, readonly TableRow[]> = {}
  for (const name of lake.names) {
    const folder = join(dataFolder, 'lake', ...name.split('.'))
    const commits = readdirSync(join(folder, '_delta_log')).filter((file) => file.endsWith('.json'))
    const versions = commits.map((file) => Number.parseInt(file, 10)).sort((a, b) => a - b)
    const snapshot = await (await lake.open(name)).snapshot()
    if (!versions.every((version, i) => version === i) || snapshot.version !== versions.length - 1) {
      throw new Error(`${name} has versions ${versions.join(', ')}`)
    }
    const rows: TableRow[] = []
    for await (const run of snapshot.rows()) rows.push(...run)
    if (rows.length !== snapshot.totalRows()) throw new Error(`${name}: ${rows.length} rows`)
    tables[name] = rows
  }
  const unfinished = readdirSync(join(dataFolder, 'lake', '.sluice-tmp'))
  if (unfinished.length > 0) throw new Error(`half-written: ${unfinished.join(', ')}`)
  return tables
}

/** What must be the same after any run of the same inputs: all but the times of the run, and how a result came about. */
export async function contentsOf(dataFolder: string): Promise<Contents> {
  const groups = new Map(
    crimes.outputs
      .filter(isWindowOutput)
      .flatMap(({ groupBy, sinks }) => sinks.flatMap((sink) => (sink.kind === 'delta' ? [[sink.table, groupBy]] : []))),
  )
  return Object.fromEntries(
    Object.entries(await tablesOf(dataFolder)).map(([name, rows]) => {
      const groupBy = groups.get(name)
      const settled = groupBy === undefined ? rows : latestRows(rows, groupBy)
      return [name, linesOf(settled.map((row) => without(row, ['append_time', 'ingest_time'])))]
    }),
  )
}

/** A record in quarantine, its bytes as text. */
export interface SetAside {
  readonly reason: string
  readonly detail: string | null
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
}

export function quarantined(tables: Tables): readonly SetAside[] {
  const text = (bytes: unknown) => (bytes instanceof Uint8Array ? Buffer.from(bytes).toString('latin1') : null)
  return (tables['quarantine.crimes'] ?? []).map(({ reason, detail, partition, offset, key, value }) => ({
    reason: String(reason),
    detail: detail === null ? null : String(detail),
    partition: Number(partition),
    offset: Number(offset),
    key: text(key),
    value: text(value),
  }))
}
