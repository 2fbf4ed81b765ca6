import { parseDecimal } from '#delta/decimal-text.ts'
import { decimalType, parseScalar } from '#delta/scalar.ts'
import type { DeltaType, StructType } from '#delta/schema-json.ts'
import type { DeltaTable, Snapshot } from '#delta/table.ts'
import { differences } from './canonical.ts'
import { type Case, type ExpectedChanges, expectedJson } from './case.ts'

/** Differences of the change feed in each range that the case knows. */
export async function compareChanges(table: DeltaTable, latest: Snapshot, test: Case): Promise<readonly string[]> {
  const found: string[] = []
  const expected = expectedJson<{ readonly cases: readonly ExpectedChanges[] }>(test, 'expected_cdf.json')
  for (const range of expected?.cases ?? []) {
    const name = `changes from ${range.startVersion} to ${range.endVersion ?? 'the latest'}`
    if (range.predicate != null) {
      found.push(`${name}: a predicate that the runner can't read: ${JSON.stringify(range.predicate)}`)
      continue
    }
    const rows: Readonly<Record<string, unknown>>[] = []
    const to = range.endVersion === null ? {} : { to: range.endVersion }
    for await (const run of table.changes({ from: range.startVersion, ...to })) rows.push(...run)
    const schema =
      range.endVersion === null ? latest.schema : (await table.snapshot({ version: range.endVersion })).schema
    const texts = (all: readonly Readonly<Record<string, unknown>>[]): readonly string[] =>
      all.map((row) =>
        range.columns.map((column) => `${column}=${text(row[column] ?? null, typeOf(column, schema))}`).join(' | '),
      )
    const difference = differences(texts(rows), texts(range.rows))
    if (difference !== undefined) found.push(`${name}: ${difference}`)
  }
  return found
}

function typeOf(column: string, schema: StructType): DeltaType {
  if (column === '_commit_version') return 'long'
  if (column === '_commit_timestamp') return 'timestamp'
  return schema.fields.find(({ name }) => name === column)?.type ?? 'string'
}

/** One text for a value of ours and for what upstream prints of it: `2`, `2023-12-22`, `{field: 1, other: 2}`; null is empty. */
function text(value: unknown, type: DeltaType): string {
  if (value === null) return ''
  if (typeof type === 'string') return scalarText(value, type)
  if (typeof value === 'string') return value
  if (type.type === 'array')
    return `[${(value as unknown[]).map((item) => text(item ?? null, type.elementType)).join(', ')}]`
  if (type.type === 'map') {
    const entries = [...(value as Map<unknown, unknown>)]
    return `{${entries.map(([key, item]) => `${text(key, type.keyType)}: ${text(item ?? null, type.valueType)}`).join(', ')}}`
  }
  const struct = value as Record<string, unknown>
  return `{${type.fields.map((field) => `${field.name}: ${text(struct[field.name] ?? null, field.type)}`).join(', ')}}`
}

function scalarText(value: unknown, type: string): string {
  if (value === '') return ''
  if (type === 'date' || type.startsWith('timestamp')) {
    const parsed = typeof value === 'string' ? parseScalar(type, value) : value
    return String(parsed)
  }
  if (type === 'float') return String(Math.fround(Number(value)))
  if (type === 'double') return String(Number(value))
  if (decimalType(type) !== undefined) {
    const decimal = parseDecimal(String(value))
    return decimal === undefined ? String(value) : `${decimal.unscaled}e-${decimal.scale}`
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)
}
