import type { EpochMillis, Millis } from '#core/time.ts'
import { writeDataFile } from '#delta/table.ts'
import { foldedOutputs, lateTable, type WindowOutput } from '#plan/plan.ts'
import { acceptedItems, type Relieve, withRoom } from '#runtime/accepted.ts'
import { type Bounds, publishedUpTo, readBounds } from '#runtime/bounds.ts'
import { lateBatch } from '#runtime/coordinates.ts'
import { addDirty, type DirtyWindow } from '#runtime/dirty.ts'
import { PageFolder, verdictsOf } from '#runtime/fold-pages.ts'
import { dirtyGroup, lateGroup, progressGroup } from '#runtime/keys.ts'
import { firstAbove, type LastRecord, lastRecordOf } from '#runtime/last-record.ts'
import { PAGE_LIMITS, type PageLimits } from '#runtime/page-node.ts'
import { type Prepared, type Preparer, rowsAfter } from '#runtime/prepare.ts'
import { loadProgress, type Progress, type ProgressItem, storeProgress } from '#runtime/progress.ts'
import { reopenedWindows } from '#runtime/reopened.ts'
import { type Runtime, tablePath } from '#runtime/runtime.ts'
import { reopenedSessions } from '#runtime/session-records.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { Folder } from '#window/fold.ts'
import type { LateEntry } from '#window/page.ts'
import { type SliceLayout, sliceLayout } from '#window/slices.ts'

/**
 * The windows stage: records → slices, packed in fenced pages of state. Order of the writes of one partition's batch: pages
 * (each atomically with its late verdicts), late rows, dirty windows, progress. A batch that fails in between is delivered
 * again and changes nothing twice: exactly-once.md.
 *
 * Cost a partition and payload, warm: one state write a touched page and one for progress, two reads of the mark; with late records one
 * more read and one more write.
 */
export interface WindowsStage {
  handle(payload: readonly RecordBatch[]): Promise<void>
}

/**
 * `relieve` is called when the item of late rows has grown past ACCEPTED_LIMIT.
 *
 * @param limits when pages are split
 */
export function windowsStage(
  runtime: Runtime,
  preparer: Preparer,
  relieve: Relieve,
  limits: PageLimits = PAGE_LIMITS,
): WindowsStage {
  const partitions = new WindowsPartitions(runtime, preparer, relieve, limits)
  return {
    async handle(payload) {
      for (const records of payload) if (records.count > 0) await partitions.apply(records)
    },
  }
}

/** The rows of a batch that are above the progress fence, and where they stand. */
interface Unit {
  readonly partition: number
  readonly prepared: Prepared
  readonly rows: Int32Array
  /** Offset of the last applied record, −1 for none, and of the batch's last record. */
  readonly fence: number
  readonly last: LastRecord
  readonly before: Progress | null
}

class WindowsPartitions {
  readonly #runtime: Runtime
  readonly #preparer: Preparer
  readonly #relieve: Relieve
  readonly #outputs: readonly WindowOutput[]
  readonly #after: number
  readonly #layout: SliceLayout
  readonly #folder: Folder
  readonly #pages: PageFolder
  readonly #progress = new Map<number, ProgressItem>()

  constructor(runtime: Runtime, preparer: Preparer, relieve: Relieve, limits: PageLimits) {
    const { plan } = runtime
    const fields = plan.topic.fields.concat(
      plan.steps.flatMap((step) => (step.kind === 'derive' ? [{ name: step.name, column: step.column }] : [])),
    )
    this.#runtime = runtime
    this.#preparer = preparer
    this.#relieve = relieve
    this.#outputs = foldedOutputs(plan)
    this.#after = this.#outputs[0]?.after ?? 0
    this.#layout = sliceLayout(
      this.#outputs.map((output) => output.window),
      plan.topic.outOfOrder,
    )
    this.#folder = new Folder(this.#outputs, fields, this.#layout)
    this.#pages = new PageFolder(runtime, this.#outputs, fields, this.#folder, this.#layout, limits)
  }

  async apply(records: RecordBatch): Promise<void> {
    const { state } = this.#runtime
    const group = progressGroup(this.#runtime)
    const { partition } = records
    const before = this.#progress.get(partition) ?? (await loadProgress(state, group, partition))
    this.#progress.delete(partition)
    const first = firstAbove(records, before.progress?.last ?? null)
    let after = before
    if (first < records.count) {
      const progress = await this.#fold(records, first, before.progress)
      if (progress === null) return this.apply(records)
      after = await storeProgress(state, group, partition, before, progress)
      // Somebody else's progress may be behind ours: then the rest of the batch is still to do.
      if ((after.fence ?? -1) < progress.last.offset) return this.apply(records)
    }
    this.#progress.set(partition, after)
  }

  /** Null when somebody else has moved the partition on since `before`: nothing was published, and the batch is to be judged anew. */
  async #fold(records: RecordBatch, first: number, before: Progress | null): Promise<Progress | null> {
    const prepared = this.#preparer.prepare(records)
    const fence = before?.last.offset ?? -1
    const rows = rowsAfter(prepared, this.#after, fence)
    const unit: Unit = { partition: records.partition, prepared, rows, fence, last: lastRecordOf(records), before }
    const found: LateEntry[] = []
    for (const [index, pageRows] of this.#folder.assign(prepared.eventTimes, rows)) {
      found.push(...(await this.#pages.fold(unit, index, pageRows)))
    }
    const late = verdictsOf(this.#outputs, this.#layout, found)
    // Read after the pages are durable: a window that was closed by then may have missed these rows.
    const bounds = await this.#bounds()
    const mark = bounds.mark ?? Number.NEGATIVE_INFINITY
    const dirty = this.#reopened(unit, bounds, late)
    // To a poller that was overtaken, records look late whose page has expired meanwhile, and settled windows look changed.
    const doubtful = late.length > 0 || dirty.some((one) => mark >= one.window.end + this.#graceOf(one.output))
    if (doubtful && (await this.#isOvertaken(unit))) return null
    await this.#publishLate(unit, late)
    if (dirty.length > 0) await addDirty(this.#runtime.state, dirtyGroup(this.#runtime), unit.partition, dirty)
    return advance(records, first, unit, late, bounds.mark)
  }

  /** False: when the pages were stored, none of the batch had been applied, so what they say of it holds. One read. */
  async #isOvertaken({ partition, fence }: Unit): Promise<boolean> {
    const stored = await loadProgress(this.#runtime.state, progressGroup(this.#runtime), partition)
    return (stored.fence ?? -1) !== fence
  }

  #bounds(): Promise<Bounds> {
    return readBounds(this.#runtime.state, this.#runtime)
  }

  async #publishLate(unit: Unit, entries: readonly LateEntry[]): Promise<void> {
    if (entries.length === 0) return
    const { last } = unit
    const { plan, state } = this.#runtime
    const items = acceptedItems(state, lateGroup(this.#runtime))
    let before = await withRoom(items, unit.partition, await items.load(unit.partition), this.#relieve)
    const ordered = entries.toSorted((a, b) => a.offset - b.offset || a.output - b.output)
    for (;;) {
      const fence = before.body?.last.offset ?? -1
      const news = ordered.filter((entry) => entry.offset > fence)
      if (news.length === 0) return
      const batch = lateBatch(plan.topic.name, unit.partition, news, this.#outputs)
      const table = lateTable(plan)
      const add = await writeDataFile(this.#runtime, tablePath(table), batch)
      const files = add === null ? [] : [{ table, add, offset: last.offset }]
      const body = { last, files: [...(before.body?.files ?? []), ...files], read: 0, quarantined: 0 }
      const result = await items.store(unit.partition, before, body)
      if (result.ok) return
      before = result.item
    }
  }

  #reopened({ rows, prepared }: Unit, bounds: Bounds, late: readonly LateEntry[]): readonly DirtyWindow[] {
    const { eventTimes, offsets } = prepared
    const published = this.#outputs.map(({ name }) => publishedUpTo(bounds, name))
    const folded = { rows, eventTimes, offsets }
    return [
      ...reopenedWindows(this.#outputs, this.#layout, folded, published, late),
      ...reopenedSessions(this.#outputs, this.#folder, prepared.batch, folded, published, late),
    ]
  }

  #graceOf(output: number): Millis {
    return this.#outputs[output]!.window.grace
  }
}

function advance(
  records: RecordBatch,
  first: number,
  unit: Unit,
  late: readonly LateEntry[],
  mark: EpochMillis | null,
): Progress {
  const { prepared, rows, before } = unit
  const counted = new Map<number, boolean>()
  for (const entry of late) counted.set(entry.offset, entry.countedElsewhere)
  const partlyLate = [...counted.values()].filter((elsewhere) => elsewhere).length
  const wholly = counted.size - partlyLate
  let maxEventTime = before?.maxEventTime ?? null
  let maxEventAppendTime = before?.maxEventAppendTime ?? null
  for (const row of rows) {
    const eventTime = prepared.eventTimes[row]!
    if (maxEventTime !== null && eventTime <= maxEventTime) continue
    maxEventTime = eventTime
    maxEventAppendTime = records.timestamps[prepared.rowRecords[row]!]!
  }
  const read = records.count - first
  return {
    last: unit.last,
    maxEventTime,
    maxEventAppendTime,
    mark,
    read: (before?.read ?? 0) + read,
    counted: (before?.counted ?? 0) + rows.length - wholly,
    late: (before?.late ?? 0) + wholly,
    partlyLate: (before?.partlyLate ?? 0) + partlyLate,
    quarantined: (before?.quarantined ?? 0) + read - rows.length,
  }
}
