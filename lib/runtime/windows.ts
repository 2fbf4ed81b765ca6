import type { Millis } from '#core/time.ts'
import { writeDataFile } from '#delta/table.ts'
import { foldedOutputs, lateTable, type WindowOutput } from '#plan/plan.ts'
import { acceptedItems, type Relieve, withRoom } from '#runtime/accepted.ts'
import { type Bounds, NO_BOUNDS, publishedUpTo, raised } from '#runtime/bounds.ts'
import { isSessionOutput } from '#runtime/close-sessions.ts'
import { lateBatch } from '#runtime/coordinates.ts'
import { addDirty, type DirtyWindow } from '#runtime/dirty.ts'
import { PageFolder, verdictsOf } from '#runtime/fold-pages.ts'
import { dirtyGroup, lateGroup, progressGroup } from '#runtime/keys.ts'
import { firstAbove, type LastRecord, lastRecordOf } from '#runtime/last-record.ts'
import { PAGE_LIMITS, type PageLimits } from '#runtime/page-node.ts'
import { type Prepared, type Preparer, rowsAfter } from '#runtime/prepare.ts'
import { loadProgress, marksAfter, type Progress, type ProgressItem, storeProgress } from '#runtime/progress.ts'
import { readBounds } from '#runtime/raise-bounds.ts'
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
 * Cost a partition and payload, warm: one state write a touched page and one for progress, one read of the mark; with late records, or such
 * as change what is published, some reads and one or two writes more. Where there are sessions, the mark is read for each page and once more.
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
  readonly records: RecordBatch
  /** Index of the first of them above the fence. */
  readonly first: number
  readonly prepared: Prepared
  readonly rows: Int32Array
  /** Offset of the last applied record, −1 for none, and of the batch's last record. */
  readonly fence: number
  readonly last: LastRecord
  readonly before: Progress | null
}

/** What a stage knows when it takes a batch of a partition that it writes. */
interface Known {
  readonly item: ProgressItem
  /** How far windows are closed, read since the batch is here and the item known; null when each page and the end ask for themselves. */
  readonly bounds: Bounds | null
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
  /** Records of sessions may join what is published: they are judged by the mark of the moment. */
  readonly #alwaysAsks: boolean
  /** The progress of partitions as this stage has written it last. */
  readonly #written = new Map<number, ProgressItem>()

  constructor(runtime: Runtime, preparer: Preparer, relieve: Relieve, limits: PageLimits) {
    const { plan } = runtime
    const fields = plan.topic.fields.concat(
      plan.steps.flatMap((step) => (step.kind === 'derive' ? [{ name: step.name, column: step.column }] : [])),
    )
    this.#runtime = runtime
    this.#preparer = preparer
    this.#relieve = relieve
    this.#outputs = foldedOutputs(plan)
    this.#alwaysAsks = this.#outputs.some(isSessionOutput)
    this.#after = this.#outputs[0]?.after ?? 0
    this.#layout = sliceLayout(
      this.#outputs.map((output) => output.window),
      plan.topic.outOfOrder,
    )
    this.#folder = new Folder(this.#outputs, fields, this.#layout)
    this.#pages = new PageFolder(runtime, this.#outputs, fields, this.#folder, this.#layout, limits)
  }

  async apply(records: RecordBatch): Promise<void> {
    const { partition } = records
    // Taken out of the cache: it comes back when the batch has gone well.
    const cached = this.#written.get(partition)
    this.#written.delete(partition)
    const item = cached ?? (await loadProgress(this.#runtime.state, progressGroup(this.#runtime), partition))
    const first = firstAbove(records, item.progress?.last ?? null)
    if (first === records.count) {
      this.#written.set(partition, item)
      return
    }
    const unit = this.#unitOf(records, first, item.progress)
    const known = { item, bounds: await this.#boundsFor(item) }
    const found: LateEntry[] = []
    for (const [index, rows] of this.#folder.assign(unit.prepared.eventTimes, unit.rows)) {
      const own = await this.#pages.fold(unit, index, rows, known.bounds)
      if (own === null) return this.apply(records)
      found.push(...own)
    }
    const late = verdictsOf(this.#outputs, this.#layout, found)
    if (!(await this.#conclude(unit, late, known))) await this.apply(records)
  }

  /**
   * Read for every batch, after its records were appended: a closer that saw the partition caught up before they came settles no more than what
   * the mark was by then, and so never a window that one of them counts in. Read when the item is known: closers that raise the mark
   * later write over it.
   */
  async #boundsFor({ fence }: ProgressItem): Promise<Bounds | null> {
    return this.#alwaysAsks || fence === null ? null : this.#bounds()
  }

  #unitOf(records: RecordBatch, first: number, before: Progress | null): Unit {
    const prepared = this.#preparer.prepare(records)
    const fence = before?.last.offset ?? -1
    const rows = rowsAfter(prepared, this.#after, fence)
    const { partition } = records
    return { partition, records, first, prepared, rows, fence, last: lastRecordOf(records), before }
  }

  /**
   * The pages are durable. Publishes what follows from them and writes the progress: that fails where a closer has said meanwhile that
   * windows are closed, which may have missed these rows. Then it goes round once more, and knows better.
   *
   * False when somebody else has moved the partition on: what isn't applied yet is to be judged anew.
   */
  async #conclude(unit: Unit, late: readonly LateEntry[], known: Known): Promise<boolean> {
    const { state } = this.#runtime
    const group = progressGroup(this.#runtime)
    let { item } = known
    let bounds = known.bounds ?? (await this.#bounds())
    let looked = false
    for (;;) {
      const dirty = this.#reopened(unit, bounds, late)
      // To a poller that was overtaken, records look late whose page has expired meanwhile, and settled windows look changed.
      if (!looked && (late.length > 0 || this.#beyondGrace(dirty, bounds).length > 0)) {
        item = await loadProgress(state, group, unit.partition)
      } else {
        await this.#publishLate(unit, late)
        if (dirty.length > 0) await addDirty(state, dirtyGroup(this.#runtime), unit.partition, dirty)
        const stored = await storeProgress(state, group, unit.partition, item, advance(unit, late, bounds))
        item = stored.item
        if (stored.ok) {
          this.#written.set(unit.partition, item)
          return true
        }
      }
      const applied = item.progress?.last.offset ?? -1
      if (applied !== unit.fence) return applied >= unit.last.offset
      looked = true
      bounds = raised(bounds, item.progress?.told ?? NO_BOUNDS)
    }
  }

  #beyondGrace(dirty: readonly DirtyWindow[], { mark }: Bounds): readonly DirtyWindow[] {
    return dirty.filter(({ output, window }) => mark !== null && window.end + this.#graceOf(output) <= mark)
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

function advance(unit: Unit, late: readonly LateEntry[], bounds: Bounds): Progress {
  const { records, first, prepared, rows, before } = unit
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
    ...marksAfter(before, (before?.read ?? 0) + read, bounds.mark),
    told: bounds,
    read: (before?.read ?? 0) + read,
    counted: (before?.counted ?? 0) + rows.length - wholly,
    late: (before?.late ?? 0) + wholly,
    partlyLate: (before?.partlyLate ?? 0) + partlyLate,
    quarantined: (before?.quarantined ?? 0) + read - rows.length,
  }
}
