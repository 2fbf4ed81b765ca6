import { readFileSync } from 'node:fs'
import { parseSchema, type StructType } from '#delta/schema-json.ts'
import type { DeltaTable, Snapshot } from '#delta/table.ts'
import { readParquetRows } from '#parquet/reader.ts'
import { bytesSource } from '#parquet/source.ts'
import { canonicalRow, differences } from './canonical.ts'
import { type Case, expectedLines, expectedParquet, expectedVersions } from './case.ts'

type Row = Readonly<Record<string, unknown>>

/** Differences of the latest rows and of those of each version that the case knows. */
export async function compareRows(table: DeltaTable, latest: Snapshot, test: Case): Promise<readonly string[]> {
  const found = [...(await compareVersion(latest, test, 'latest', test.json.replayRows ?? undefined))]
  for (const version of expectedVersions(test)) {
    const rows = test.json.secondEngine?.versions?.[version]?.rows
    found.push(...(await compareVersion(await table.snapshot({ version }), test, `v${version}`, rows)))
  }
  return found
}

async function compareVersion(
  snapshot: Snapshot,
  test: Case,
  name: string,
  count: number | undefined,
): Promise<readonly string[]> {
  const rows: Row[] = []
  for await (const run of snapshot.rows()) rows.push(...run)
  const found: string[] = []
  if (count !== undefined && rows.length !== count) found.push(`${name}: expected ${count} rows, found ${rows.length}`)
  const { schema } = snapshot
  // Where upstream's own answer is there it alone counts: the engine behind the JSON has faults of its own.
  const parquet = expectedParquet(test, name)
  const lines = parquet === undefined ? expectedLines(test, name) : undefined
  if (lines !== undefined) {
    const base64 = new Set(test.json.secondEngine?.base64Columns ?? [])
    const expected = lines.map((row) => canonicalRow(row, schema, { kind: 'json', loose: true, base64 }))
    const difference = differences(canonicalRows(rows, schema, true), expected)
    if (difference !== undefined) found.push(`${name}.ndjson: ${difference}`)
  }
  if (parquet !== undefined) {
    const expected = canonicalRows(await parquetRows(parquet), schema, false)
    const difference = differences(canonicalRows(rows, schema, false), expected)
    if (difference !== undefined) found.push(`${name}, upstream's Parquet: ${difference}`)
  }
  return found
}

function canonicalRows(rows: readonly Row[], schema: StructType, loose: boolean): readonly string[] {
  return rows.map((row) => canonicalRow(row, schema, { kind: 'rows', loose }))
}

export async function parquetRows(files: readonly string[]): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const file of files) {
    const source = bytesSource(readFileSync(file))
    for await (const run of readParquetRows(source, { name: file })) rows.push(...run)
  }
  return rows
}

/** Rows of a table and of Parquet files with the same columns. */
export async function compareWithParquet(snapshot: Snapshot, files: readonly string[]): Promise<readonly string[]> {
  const rows: Row[] = []
  for await (const run of snapshot.rows()) rows.push(...run)
  const schema = parseSchema(snapshot.metadata.schemaString)
  const expected = canonicalRows(await parquetRows(files), schema, false)
  const difference = differences(canonicalRows(rows, schema, false), expected)
  return difference === undefined ? [] : [difference]
}
