import type { EpochMillis } from '#core/time.ts'
import { writeDataFile } from '#delta/table.ts'
import { quarantineTable, type RawOutput, type RowsOutput } from '#plan/plan.ts'
import {
  type Accepted,
  type AcceptedBody,
  type AcceptedFile,
  type AcceptedItems,
  acceptedItems,
  type Relieve,
  withRoom,
} from '#runtime/accepted.ts'
import { bronzeBatch, quarantineBatch } from '#runtime/coordinates.ts'
import { lakeGroup } from '#runtime/keys.ts'
import { firstAbove, lastRecordOf } from '#runtime/last-record.ts'
import { type Prepared, type Preparer, rowsAfter } from '#runtime/prepare.ts'
import { type Runtime, tablePath } from '#runtime/runtime.ts'
import type { Fields } from '#schema/column.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import type { ColumnBatch } from '#schema/vector.ts'

/**
 * The lake stage: records → Parquet files → one fenced item a partition. What it accepted becomes visible by `commitAccepted`.
 * Resolves when every record of the payload is durable; a throw means that nothing may be committed to the source.
 *
 * Cost a partition and payload: one PUT a table, one state write.
 */
export interface LakeStage {
  handle(payload: readonly RecordBatch[]): Promise<void>
}

/** `relieve` is called when an item has grown past ACCEPTED_LIMIT. */
export function lakeStage(runtime: Runtime, preparer: Preparer, relieve: Relieve): LakeStage {
  const items = acceptedItems(runtime.state, lakeGroup(runtime))
  const cache = new Map<number, Accepted>()
  const accept = async (records: RecordBatch): Promise<void> => {
    const { partition } = records
    let before = cache.get(partition) ?? (await items.load(partition))
    cache.delete(partition)
    before = await withRoom(items, partition, before, relieve)
    const after = await acceptBatch(runtime, items, records, before, preparer.prepare(records))
    cache.set(partition, after)
  }
  return {
    async handle(payload) {
      for (const records of payload) if (records.count > 0) await accept(records)
    },
  }
}

interface Written {
  readonly first: number
  readonly files: readonly AcceptedFile[]
  readonly quarantined: number
}

/**
 * Files first, then the item. The item may change under us: trimmed by the committer (the same files go in again) or moved on
 * by another poller (what it covers is left out). Files that nobody accepts are orphans for VACUUM; they can't be deleted
 * here, because a lost answer looks like a conflict with our own write.
 */
async function acceptBatch(
  runtime: Runtime,
  items: AcceptedItems,
  records: RecordBatch,
  start: Accepted,
  prepared: Prepared,
): Promise<Accepted> {
  let before = start
  let written: Written | null = null
  for (;;) {
    const first = firstAbove(records, before.body?.last ?? null)
    if (first >= records.count) return before
    if (written?.first !== first) written = await writeFiles(runtime, records, first, prepared)
    const result = await items.store(records.partition, before, extend(before.body, records, written))
    if (result.ok) return result.item
    before = result.item
  }
}

function extend(body: AcceptedBody | null, records: RecordBatch, written: Written): AcceptedBody {
  return {
    last: lastRecordOf(records),
    files: [...(body?.files ?? []), ...written.files],
    read: (body?.read ?? 0) + records.count - written.first,
    quarantined: (body?.quarantined ?? 0) + written.quarantined,
  }
}

async function writeFiles(runtime: Runtime, records: RecordBatch, first: number, prepared: Prepared): Promise<Written> {
  const { plan, clock } = runtime
  const offset = records.offsets[records.count - 1]!
  const rejects = prepared.rejects.filter((reject) => reject.record >= first)
  const files: AcceptedFile[] = []
  const write = async (table: string, batch: ColumnBatch, select: Int32Array | null): Promise<void> => {
    const add = await writeDataFile(runtime, tablePath(table), batch, select)
    if (add !== null) files.push({ table, add, offset })
  }
  for (const output of plan.outputs) {
    if (output.kind === 'window' || output.kind === 'detector') continue
    const [batch, select] = outputRows(output, records, first, prepared, clock.now())
    for (const sink of output.sinks) if (sink.kind === 'delta') await write(sink.table, batch, select)
  }
  if (rejects.length > 0) await write(quarantineTable(plan), quarantineBatch(records, rejects), null)
  return { first, files, quarantined: rejects.length }
}

function outputRows(
  output: RawOutput | RowsOutput,
  records: RecordBatch,
  first: number,
  prepared: Prepared,
  now: EpochMillis,
): readonly [ColumnBatch, Int32Array | null] {
  if (output.kind === 'raw') return [bronzeBatch(records, first, now), null]
  const fence = first === 0 ? Number.NEGATIVE_INFINITY : records.offsets[first - 1]!
  return [pickFields(prepared.batch, output.fields), rowsAfter(prepared, output.after, fence)]
}

function pickFields(batch: ColumnBatch, fields: Fields): ColumnBatch {
  const vectors = fields.map(({ name }) => batch.vectors[batch.fields.findIndex((field) => field.name === name)]!)
  return { fields, rows: batch.rows, vectors }
}
