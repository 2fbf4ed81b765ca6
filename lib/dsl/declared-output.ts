import { SluiceError } from '#core/errors.ts'
import { NAME_LENGTH_MAX, requireField } from '#dsl/names.ts'
import { type ClusterColumn, type KeyColumn, SCALAR_KINDS, type Shape } from '#dsl/shape.ts'
import type { DeltaTable, PostgresTable } from '#dsl/sinks.ts'
import type {
  DetectorOutput,
  Output,
  RawOutput,
  ResultsSource,
  RowsOutput,
  Sink,
  Step,
  TopicPlan,
  WindowOutput,
} from '#plan/plan.ts'
import type { Fields } from '#schema/column.ts'

/** The rows at one point: the topic, the steps they have passed, the columns they have. */
export interface Chain {
  readonly topic: TopicPlan
  readonly steps: readonly Step[]
  readonly fields: Fields
}

/** Results of windows, whatever becomes of them: `pipeline()` knows them by this value. */
export interface WindowDefinition extends Pick<WindowOutput, 'groupBy' | 'window' | 'aggregates' | 'where' | 'fields'> {
  readonly chain: Chain
  /** What they are made of; null for rows of the topic. */
  readonly of: { readonly results: WindowDefinition; readonly windows: ResultsSource['windows'] } | null
}

/** What `.into(…)` gives: an output that `pipeline()` gives its name. */
export interface DeclaredOutput {
  readonly chain: Chain
  /** Of windows: the results that go into its tables. */
  readonly results?: WindowDefinition
  /** Of a detector: the results that it judges. */
  readonly judges?: WindowDefinition
  readonly output:
    | Omit<RawOutput, 'name'>
    | Omit<RowsOutput, 'name'>
    | Omit<WindowOutput, 'name'>
    | Omit<DetectorOutput, 'name' | 'of'>
}

/** Sinks that can hold rows of this shape. */
export type SinkOf<S extends Shape> = DeltaTable<ClusterColumn<S>> | PostgresTable<KeyColumn<S>>

/** What the primary key of an output's SQL tables may be. */
export interface KeyRule {
  /** The columns that tell rows of the output apart: a given key must have them. Null when only the user knows. */
  readonly columns: readonly string[] | null
  /** Columns that a given key may have beside them. */
  readonly harmless: readonly string[]
}

/**
 * The sinks of an output as the Plan has them.
 *
 * @throws SluiceError PLAN_INVALID (no sink), COLUMN_UNKNOWN, COLUMN_KIND_INVALID, PRIMARY_KEY_INVALID, SINK_COLUMN_UNSUPPORTED
 */
export function planSinks(
  kind: Output['kind'],
  fields: Fields,
  sinks: readonly (DeltaTable | PostgresTable)[],
  keyRule: KeyRule,
): readonly Sink[] {
  if (sinks.length === 0) {
    throw new SluiceError(
      'PLAN_INVALID',
      "Expected at least one table in .into(…), found none. Give one, such as delta.table('silver.crimes').",
    )
  }
  return sinks.map((sink) => {
    if (sink.kind === 'delta') return { kind: 'delta', table: sink.table, clusterBy: clusterByOf(sink, fields) }
    if (kind === 'raw') {
      throw new SluiceError(
        'SINK_COLUMN_UNSUPPORTED',
        `Expected a topic's own records to go into Delta tables, found Postgres table '${sink.table}': it can't hold column 'headers'. ` +
          `Write decoded rows instead: topic.select(…).into(postgres.table('${sink.table}', { primaryKey: […] })).`,
      )
    }
    requirePointColumns(sink.table, fields)
    return { kind: 'postgres', table: sink.table, primaryKey: primaryKeyOf(sink, fields, keyRule) }
  })
}

function clusterByOf(sink: DeltaTable, fields: Fields): readonly string[] {
  for (const name of sink.clusterBy) {
    const { column } = requireField(fields, name, `clusterBy of ${sink.table}`)
    if (!SCALAR_KINDS.has(column.kind)) {
      throw new SluiceError(
        'COLUMN_KIND_INVALID',
        `Expected clusterBy of ${sink.table} to name columns of text, numbers, times or booleans, found '${name}' of kind ${column.kind}.`,
      )
    }
  }
  return sink.clusterBy
}

function primaryKeyOf(sink: PostgresTable, fields: Fields, rule: KeyRule): readonly string[] {
  const key = sink.primaryKey ?? rule.columns
  if (key === null || key.length === 0) {
    throw new SluiceError(
      'PRIMARY_KEY_INVALID',
      `Expected a primaryKey for Postgres table '${sink.table}', found none: rows are upserted by it. ` +
        `Name the columns that tell rows apart: postgres.table('${sink.table}', { primaryKey: ['${fields[0]!.name}'] }).`,
    )
  }
  for (const name of key) {
    const { column } = requireField(fields, name, `primaryKey of ${sink.table}`)
    if (column.nullable || !SCALAR_KINDS.has(column.kind)) {
      throw new SluiceError(
        'PRIMARY_KEY_INVALID',
        `Expected the primary key of Postgres table '${sink.table}' to have columns that are never null, and neither points nor bytes, ` +
          `found '${name}' of kind ${column.nullable ? 'nullable ' : ''}${column.kind}. Derive a column that always has a value with .with(), and use that.`,
      )
    }
  }
  if (rule.columns !== null) requireSameRows(sink.table, key, rule.columns, rule.harmless)
  return key
}

/** A smaller key would make results overwrite each other, a larger one keep results that a correction has replaced. */
function requireSameRows(
  table: string,
  key: readonly string[],
  columns: readonly string[],
  harmless: readonly string[],
): void {
  const missing = columns.filter((name) => !key.includes(name))
  const surplus = key.filter((name) => !columns.includes(name) && !harmless.includes(name))
  if (missing.length === 0 && surplus.length === 0) return
  throw new SluiceError(
    'PRIMARY_KEY_INVALID',
    `Expected the primary key of Postgres table '${table}' to be the group columns and ${columns.includes('window_end') ? 'the bounds' : 'window_start'} (${columns.join(', ')}), ` +
      `found ${key.join(', ')}${missing.length > 0 ? `: without ${missing.join(', ')} results would overwrite each other` : ''}` +
      `${surplus.length > 0 ? `: with ${surplus.join(', ')} corrected results would stay beside their corrections` : ''}. ` +
      'Leave primaryKey out.',
  )
}

/** A geo point is two columns in SQL: their names must be free, and not too long. */
function requirePointColumns(table: string, fields: Fields): void {
  for (const { name, column } of fields) {
    if (column.kind !== 'geo_point') continue
    for (const part of [`${name}_latitude`, `${name}_longitude`]) {
      const taken = fields.some((field) => field.name === part)
      if (!taken && part.length <= NAME_LENGTH_MAX) continue
      throw new SluiceError(
        'SINK_COLUMN_UNSUPPORTED',
        `Expected room for column '${part}' in Postgres table '${table}', which holds point '${name}' as two numbers, ` +
          `found ${taken ? 'another column of that name' : `a name longer than ${NAME_LENGTH_MAX} characters`}. Rename '${name}', or leave it out with .select().`,
      )
    }
  }
}
