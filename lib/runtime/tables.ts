import {
  BRONZE_FIELDS,
  isWindowOutput,
  LATE_FIELDS,
  lateTable,
  type Output,
  type Plan,
  QUARANTINE_FIELDS,
  quarantineTable,
} from '#plan/plan.ts'
import type { SqlTable } from '#ports/sql-sink.ts'
import { sqlFields } from '#runtime/sql-row.ts'
import type { Fields } from '#schema/column.ts'

/** Who writes a Delta table: the lake and late tables by accepted files, the window tables by closing, alerts by the detectors. */
export type TableWriter = 'lake' | 'late' | 'close' | 'detect'

export interface PlannedTable {
  readonly name: string
  readonly fields: Fields
  readonly writer: TableWriter
  /** Name of the output it belongs to; null for quarantine and late. */
  readonly output: string | null
}

const WRITERS: Readonly<Record<Output['kind'], TableWriter>> = {
  raw: 'lake',
  rows: 'lake',
  window: 'close',
  detector: 'detect',
}

/** All Delta tables of a plan, quarantine and (with windows) late included. */
export function plannedTables(plan: Plan): readonly PlannedTable[] {
  const tables: PlannedTable[] = []
  for (const output of plan.outputs) {
    const fields = output.kind === 'raw' ? BRONZE_FIELDS : output.fields
    for (const sink of output.sinks) {
      if (sink.kind !== 'delta') continue
      tables.push({ name: sink.table, fields, writer: WRITERS[output.kind], output: output.name })
    }
  }
  tables.push({ name: quarantineTable(plan), fields: QUARANTINE_FIELDS, writer: 'lake', output: null })
  if (plan.outputs.some(isWindowOutput)) {
    tables.push({ name: lateTable(plan), fields: LATE_FIELDS, writer: 'late', output: null })
  }
  return tables
}

/** All SQL tables of a plan, geo points as two columns. */
export function plannedSqlTables(plan: Plan): readonly SqlTable[] {
  return plan.outputs.flatMap((output) =>
    output.kind === 'raw'
      ? []
      : output.sinks.flatMap((sink) =>
          sink.kind === 'postgres'
            ? [{ name: sink.table, fields: sqlFields(output.fields), primaryKey: sink.primaryKey }]
            : [],
        ),
  )
}
