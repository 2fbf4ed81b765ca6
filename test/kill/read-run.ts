import { join } from 'node:path'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { pgliteDriver } from '#adapters/postgres/pglite.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { DeltaTable } from '#delta/table.ts'

/** Table → its rows as text, in any order. */
export type TableRows = ReadonlyMap<string, readonly string[]>
export type DatabaseRows = TableRows

const TABLES = [
  'bronze/crimes',
  'silver/crimes',
  'quarantine/crimes',
  'late/crimes',
  'gold/crime_per_district_day',
  'gold/crimes_anomaly',
]

/** What a run may do at another time without meaning anything else. */
const TIMES = new Set(['append_time', 'ingest_time'])
/** Where a record lies in the topic is part of its identity, so that a record twice under two offsets is seen, too. */
const REVISED = new Set(['gold/crime_per_district_day', 'gold/crimes_anomaly'])

function text(row: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(row, (name, value: unknown) => {
    if (TIMES.has(name)) return undefined
    return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value
  })
}

/** Every row of every table of the crimes pipeline. Gold tables as a user reads them: the highest revision of each key. */
export async function readLake(dataFolder: string): Promise<TableRows> {
  const store = new DirectoryObjectStore(join(dataFolder, 'lake'))
  const tables = new Map<string, readonly string[]>()
  for (const name of TABLES) {
    const table = await DeltaTable.open({ store, clock: systemClock, ids: randomIds }, name)
    const rows: Readonly<Record<string, unknown>>[] = []
    for await (const batch of (await table.snapshot()).rows()) rows.push(...batch)
    tables.set(name, REVISED.has(name) ? latest(rows) : rows.map(text))
  }
  return tables
}

/** A key and revision that is there twice stays twice. */
function latest(rows: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  const keyOf = (row: Readonly<Record<string, unknown>>): string =>
    JSON.stringify([row['window_start'], row['primary_type'], row['district']])
  const highest = new Map<string, number>()
  for (const row of rows) {
    highest.set(keyOf(row), Math.max(Number(row['revision']), highest.get(keyOf(row)) ?? 0))
  }
  return rows
    .filter((row) => Number(row['revision']) === highest.get(keyOf(row)))
    .map(({ revision, ...values }) => text(values))
}

/** The Postgres tables of the crimes pipeline, revisions left out. */
export async function readDatabase(dataFolder: string): Promise<DatabaseRows> {
  const driver = await pgliteDriver(join(dataFolder, 'postgres'))
  try {
    const tables = new Map<string, readonly string[]>()
    for (const name of ['crime_per_district_day', 'crimes_anomaly']) {
      const rows = await driver.query(`SELECT to_jsonb(t) - 'revision' AS row FROM ${name} t`)
      tables.set(
        `postgres ${name}`,
        rows.map((row) => JSON.stringify(row)),
      )
    }
    return tables
  } finally {
    await driver.close()
  }
}
