import type { RowsOutput } from '#plan/plan.ts'
import type { SqlChange } from '#ports/sql-sink.ts'
import { partitionAppId } from '#runtime/keys.ts'
import { type Prepared, type Preparer, rowsAfter } from '#runtime/prepare.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { sqlRow } from '#runtime/sql-row.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { rowView } from '#schema/row-view.ts'

/** Row outputs that have a SQL sink. */
export function sqlRowOutputs(runtime: Pick<Runtime, 'plan'>): readonly RowsOutput[] {
  return runtime.plan.outputs.filter(
    (output): output is RowsOutput => output.kind === 'rows' && output.sinks.some((sink) => sink.kind === 'postgres'),
  )
}

/**
 * The sink stage: rows of a partition are upserted in the same SQL transaction that moves the partition's fence, so they are
 * applied once however often they are delivered. One transaction a partition and payload.
 */
export interface SqlRowsStage {
  handle(payload: readonly RecordBatch[]): Promise<void>
}

export function sqlRowsStage(runtime: Runtime, preparer: Preparer): SqlRowsStage {
  const outputs = sqlRowOutputs(runtime)
  return {
    async handle(payload) {
      const { sql } = runtime
      if (sql === null) return
      for (const records of payload) {
        if (records.count === 0) continue
        const name = partitionAppId(runtime, records.partition)
        const fence = (await sql.fence(name)) ?? -1
        const prepared = preparer.prepare(records)
        const changes = outputs.flatMap((output) => rowChanges(output, prepared, fence))
        await sql.apply(name, records.offsets[records.count - 1]!, changes)
      }
    },
  }
}

/** What the rows of an output above a fence change, in each of its SQL tables. */
export function rowChanges(output: RowsOutput, prepared: Prepared, fence: number): readonly SqlChange[] {
  const view = rowView(prepared.batch)
  const upserts = [...rowsAfter(prepared, output.after, fence)].map((row) => sqlRow(output.fields, view.at(row)))
  if (upserts.length === 0) return []
  return output.sinks.flatMap((sink) => (sink.kind === 'postgres' ? [{ table: sink.table, upserts, deletes: [] }] : []))
}
