import { readFileSync } from 'node:fs'
import { parseSchema, type StructType } from '#delta/schema-json.ts'
import type { DeltaTable, Snapshot } from '#delta/table.ts'
import { readParquetRows } from '#parquet/reader.ts'
import { bytesSource } from '#parquet/source.ts'
import { canonicalRow, differences } from './canonical.ts'
import { type Case, expectedLines, expectedParquet, expectedVersions } from './case.ts'

type Row = Readonly<Record<string, unknown>>

/** What a comparison found. */
export interface Comparison {
  readonly differences: readonly string[]
  /** What is right, but not as every answer of the case has it. */
  readonly notes: readonly string[]
}

/** Compares the latest rows and those of each version that the case knows. */
export async function compareRows(table: DeltaTable, latest: Snapshot, test: Case): Promise<Comparison> {
  const found = [await compareVersion(latest, test, 'latest', test.json.replayRows ?? undefined)]
  for (const version of expectedVersions(test)) {
    const rows = test.json.secondEngine?.versions?.[version]?.rows
    found.push(await compareVersion(await table.snapshot({ version }), test, `v${version}`, rows))
  }
  return { differences: found.flatMap((one) => one.differences), notes: found.flatMap((one) => one.notes) }
}

/**
 * Where both answers are there upstream's counts, and the other engine's faults don't. But rows that are as the other engine has them
 * are not wrong: upstream's may have been made in another time zone, for instance.
 */
async function compareVersion(
  snapshot: Snapshot,
  test: Case,
  name: string,
  count: number | undefined,
): Promise<Comparison> {
  const rows: Row[] = []
  for await (const run of snapshot.rows()) rows.push(...run)
  const miscounted = count !== undefined && rows.length !== count
  const counts = miscounted ? [`${name}: expected ${count} rows, found ${rows.length}`] : []
  const upstream = await upstreamDifference(rows, snapshot.schema, test, name)
  const second = secondDifference(rows, snapshot.schema, test, name)
  const isRight = upstream === EQUAL || (upstream === NO_ANSWER && second === NO_ANSWER) || second === EQUAL
  const told = upstream === NO_ANSWER ? second : upstream
  if (!isRight) return { differences: [...counts, `${name}: ${String(told)}`], notes: [] }
  const differs = typeof upstream === 'string' || typeof second === 'string'
  return {
    differences: counts,
    notes: differs ? [`${name}: the case has two answers, and the rows are as one of them`] : [],
  }
}

const EQUAL = Symbol('equal')
const NO_ANSWER = Symbol('no answer')
/** Or how the rows differ. */
type Answer = typeof EQUAL | typeof NO_ANSWER | string

async function upstreamDifference(rows: readonly Row[], schema: StructType, test: Case, name: string): Promise<Answer> {
  const files = expectedParquet(test, name)
  if (files === undefined) return NO_ANSWER
  const expected = canonicalRows(await parquetRows(files), schema, false)
  return differences(canonicalRows(rows, schema, false), expected) ?? EQUAL
}

function secondDifference(rows: readonly Row[], schema: StructType, test: Case, name: string): Answer {
  const lines = expectedLines(test, name)
  if (lines === undefined) return NO_ANSWER
  const base64 = new Set(test.json.secondEngine?.base64Columns ?? [])
  const expected = lines.map((row) => canonicalRow(row, schema, { kind: 'json', loose: true, base64 }))
  return differences(canonicalRows(rows, schema, true), expected) ?? EQUAL
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
