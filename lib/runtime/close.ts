import { type EpochMillis, floorTo } from '#core/time.ts'
import { fieldsAfter, isWindowOutput, type WindowOutput } from '#plan/plan.ts'
import { highest, raiseBounds, readBounds } from '#runtime/bounds.ts'
import {
  type CloseBody,
  type CloseItem,
  type FailedResult,
  loadCloseItem,
  type PendingResult,
  storeCloseItem,
} from '#runtime/close-item.ts'
import {
  expirePages,
  loadPages,
  type PageRange,
  pageRange,
  sliceStartsOf,
  windowsWithData,
} from '#runtime/close-pages.ts'
import { appliedText, emittedAfter, RunningLooks, type RunningSpans, runningSpans } from '#runtime/close-running.ts'
import { closeSessions, earliestKept, isSessionOutput, sessionRanges } from '#runtime/close-sessions.ts'
import { type CloseGoal, type CloseStep, neededRange, nextStep, standStill } from '#runtime/close-step.ts'
import { confirmed } from '#runtime/deliver.ts'
import { type DirtyItems, type DirtyWindow, listDirty } from '#runtime/dirty.ts'
import { controlGroup, dirtyGroup, progressGroup } from '#runtime/keys.ts'
import { listProgress, type Progress } from '#runtime/progress.ts'
import { revise, type WindowRow, writeResult } from '#runtime/results.ts'
import type { Runtime } from '#runtime/runtime.ts'
import type { Fields } from '#schema/column.ts'
import { closeWindows, type FailedGroup } from '#window/close.ts'
import { type Page, type PageCodec, pageCodec } from '#window/page.ts'
import { type SliceLayout, sliceLayout } from '#window/slices.ts'
import { endOfInputBounds, readWatermark, type WatermarkReading } from '#window/watermark.ts'
import type { WindowBounds } from '#window/windows.ts'

export interface CloseReading {
  /**
   * End offset of every partition of the topic, by partition; null when this is no time to look. Asked for after progress was
   * read: what was appended before any record that progress covers must be seen, or a partition that is behind would pass for
   * one that is caught up. `applied` is that progress: offset of the last applied record by partition. Where no record follows
   * it, whatever the topic's own end, the end is the offset after it.
   */
  readonly endOffsets: (applied: ReadonlyMap<number, number>) => Promise<readonly number[] | null>
  /** The input is over: every window that holds data closes, once. */
  readonly endOfInput: boolean
  /**
   * Whoever feeds the topic isn't at the end of its input: that every partition is caught up then says nothing about time, least
   * of all after a pause between two starts, and the watermark does not move with the clock.
   */
  readonly moreToCome?: boolean
}

export interface Closed {
  readonly upTo: EpochMillis | null
  readonly rows: readonly WindowRow[]
  readonly watermark: WatermarkReading
  /** Rows that could not be made. Everything else is closed all the same. */
  readonly failed: readonly FailedResult[]
}

/**
 * The close stage: moves the closed-up-to mark to the watermark and makes result rows of every window that this closes, and of
 * closed windows within grace that got records since. May run twice at once or stop anywhere: the close item decides whose
 * rows count. The rows reach the sinks by `deliver`.
 *
 * Cost without news: two LISTs, two reads. With news: the pages of the windows, one object, three writes. Running results: once for each
 * look at applied records the pages of all open windows, and where a row has changed one object and two writes.
 */
export interface CloseStage {
  /** Closes what can be closed now. `onRows` sees the rows of each step as soon as they are durable. */
  run(reading: CloseReading): Promise<Closed>
}

export function closeStage(runtime: Runtime): CloseStage {
  const { plan } = runtime
  const outputs = plan.outputs.filter(isWindowOutput)
  const fields = fieldsAfter(plan, plan.steps.length)
  const layout = sliceLayout(
    outputs.map((output) => output.window),
    plan.topic.outOfOrder,
  )
  const codec = pageCodec(outputs, fields)
  const closer: Closer = { runtime, outputs, fields, layout, codec, looks: new RunningLooks() }
  return {
    async run(reading) {
      const rows: WindowRow[] = []
      const failed: FailedResult[] = []
      for (;;) {
        const step = await closeStep(closer, reading)
        rows.push(...step.rows)
        failed.push(...step.failed)
        if (!step.more) return { upTo: step.upTo, rows, failed, watermark: step.watermark }
      }
    },
  }
}

interface Closer {
  readonly runtime: Runtime
  readonly looks: RunningLooks
  readonly outputs: readonly WindowOutput[]
  readonly fields: Fields
  readonly layout: SliceLayout
  readonly codec: PageCodec
}

const UNKNOWN: WatermarkReading = { watermark: null, holding: [], partitions: [] }

async function closeStep(closer: Closer, reading: CloseReading): Promise<Closed & { readonly more: boolean }> {
  const { runtime } = closer
  const { state } = runtime
  const item = await loadCloseItem(runtime)
  const progress = await listProgress(state, progressGroup(runtime))
  const applied = new Map([...progress].map(([partition, { last }]) => [partition, last.offset]))
  const endOffsets = await reading.endOffsets(applied)
  if (endOffsets === null) return { upTo: item.body.upTo, rows: [], failed: [], watermark: UNKNOWN, more: false }
  const watermark = watermarkOf(closer, endOffsets, progress, reading.moreToCome === true)
  const dirty = await listDirty(state, dirtyGroup(runtime))
  const { upTo } = item.body
  const goal = await goalOf(closer, reading, progress, watermark.watermark)
  const next = await nextStep(runtime, closer.outputs, closer.layout, item.body, goal)
  const step = next ?? standStill(closer.outputs, item.body)
  const now = runtime.clock.now()
  const running = runningSpans(closer.outputs, item.body, step, progress, closer.looks, now)
  const closesNothing = next === null && dirty.windows.length === 0
  if (closesNothing && running.every((span) => span === null)) {
    return { upTo, rows: [], failed: [], watermark, more: false }
  }
  const ended = endedAfter(closer.outputs, step)
  await raiseBounds(state, runtime, { mark: step.mark, ended })
  const settled = settledUpTo(upTo, watermark, progress)
  const computed = await compute(closer, item, dirty, step, running, settled)
  if (closesNothing && computed.rows.length === 0) {
    closer.looks.done(closer.outputs, running, appliedText(progress))
    return { upTo, rows: [], failed: [], watermark, more: false }
  }
  const emitted = emittedAfter(closer.outputs, item.body, running, now)
  const reached = { upTo: step.mark, ended, settled: highest(item.body.settled, finite(settled)), ...emitted }
  const stored = await publish(runtime, item, computed, reached)
  if (stored === null) return { upTo, rows: [], failed: [], watermark, more: true }
  closer.looks.done(closer.outputs, running, appliedText(progress))
  await dirty.clear()
  if (settled > Number.NEGATIVE_INFINITY) {
    const kept = closer.outputs.filter(isSessionOutput).map((output) => earliestKept(output, stored.body, settled))
    await expirePages(runtime, closer.outputs, closer.layout, settled, applied, Math.min(...kept))
  }
  return { upTo: step.mark, rows: computed.rows, failed: computed.failed, watermark, more: step.more }
}

/** What is published beyond the mark. */
function endedAfter(outputs: readonly WindowOutput[], { mark, spans }: CloseStep): CloseBody['ended'] {
  const beyond = outputs.flatMap(({ name }, i) => {
    const { to } = spans[i]!
    return to !== null && (mark === null || to > mark) ? [[name, to] as const] : []
  })
  return Object.fromEntries(beyond)
}

function watermarkOf(
  { runtime }: Closer,
  endOffsets: readonly number[],
  progress: ReadonlyMap<number, Progress>,
  moreToCome: boolean,
): WatermarkReading {
  const partitions = endOffsets.map((endOffset, partition) => ({
    partition,
    offset: progress.get(partition)?.last.offset ?? -1,
    endOffset,
    maxEventTime: progress.get(partition)?.maxEventTime ?? null,
    maxEventAppendTime: progress.get(partition)?.maxEventAppendTime ?? null,
  }))
  return readWatermark(
    partitions,
    runtime.plan.topic.outOfOrder,
    moreToCome ? Number.NEGATIVE_INFINITY : runtime.clock.now(),
  )
}

/**
 * Windows with end + grace at or below this can't get another record, not even from a batch that is in flight: their pages and
 * what was published of them may go. A batch in flight belongs to a partition that lags, and is judged by the mark that its
 * partition had seen when its last batch ended, or a later one. A batch that came after we read the end offsets is judged by
 * the mark of the previous close at least.
 */
function settledUpTo(
  upTo: EpochMillis | null,
  watermark: WatermarkReading,
  progress: ReadonlyMap<number, Progress>,
): EpochMillis {
  let settled = upTo ?? Number.NEGATIVE_INFINITY
  for (const { partition, lag } of watermark.partitions) {
    if (lag === 0) continue
    settled = Math.min(settled, progress.get(partition)?.mark ?? Number.NEGATIVE_INFINITY)
  }
  return settled
}

/** JSON has no infinity. */
const finite = (bound: EpochMillis): EpochMillis | null => (bound === Number.NEGATIVE_INFINITY ? null : bound)

/**
 * Never below the mark: writers have judged lateness by it. Whole slices, because nothing happens in between; but sessions may end
 * anywhere.
 */
async function goalOf(
  closer: Closer,
  reading: CloseReading,
  progress: ReadonlyMap<number, Progress>,
  watermark: EpochMillis | null,
): Promise<CloseGoal> {
  const { runtime, outputs, layout } = closer
  const { mark: raised } = await readBounds(runtime.state, runtime)
  const mark = highest(
    raised,
    watermark === null ? null : floorTo(watermark, outputs.some(isSessionOutput) ? 1 : layout.width),
  )
  const times = [...progress.values()].flatMap(({ maxEventTime }) => (maxEventTime === null ? [] : [maxEventTime]))
  if (!reading.endOfInput || times.length === 0) return { mark, ended: null }
  const specs = outputs.map(({ window }) => window)
  return { mark, ended: endOfInputBounds(specs, Math.max(...times)) }
}

interface Computed {
  readonly rows: readonly WindowRow[]
  readonly published: CloseBody['published']
  readonly open: CloseBody['open']
  readonly failed: readonly FailedResult[]
}

async function compute(
  closer: Closer,
  item: CloseItem,
  dirty: DirtyItems,
  { spans }: CloseStep,
  running: RunningSpans,
  settled: EpochMillis,
): Promise<Computed> {
  const { runtime, outputs, fields, codec } = closer
  const { body } = item
  const again = dirty.windows.filter((entry) => isPublished(outputs[entry.output]!, entry.window, body))
  const pages = await loadPages(runtime, codec, neededPages(closer, body, spans, running, settled, again))
  const rows: WindowRow[] = []
  const published: Record<string, CloseBody['published'][string]> = {}
  const open: Record<string, EpochMillis> = {}
  const failed: FailedResult[] = []
  outputs.forEach((output, index) => {
    const onFailure = ({ window, group, reason }: FailedGroup): void =>
      void failed.push({ output: output.name, start: window.start, end: window.end, group, reason })
    if (isSessionOutput(output)) {
      const own = again.filter((entry) => entry.output === index)
      const step = { body, ...spans[index]!, running: running[index]!, settled }
      const closed = closeSessions(output, index, fields, pages, step, own, onFailure)
      rows.push(...closed.rows)
      published[output.name] = closed.published
      if (closed.open !== null) open[output.name] = closed.open
      return
    }
    const reopened = again.flatMap((entry) => (entry.output === index ? [entry.window] : []))
    const windows = [...reopened.toSorted((a, b) => a.end - b.end), ...newWindows(output, index, pages, spans[index]!)]
    const unfinished = newWindows(output, index, pages, running[index] ?? NOTHING_NEW)
    const computed = [
      ...closeWindows(output, index, fields, pages, windows, onFailure),
      // What can't be made of an open window yet is told of when the window closes.
      ...closeWindows(output, index, fields, pages, unfinished, () => {}),
    ]
    const closed = spans[index]!.to ?? Number.NEGATIVE_INFINITY
    const before = body.published[output.name] ?? {}
    const revised = revise(output, computed, [...windows, ...unfinished], before, settled, closed)
    rows.push(...revised.rows)
    published[output.name] = revised.published
  })
  return { rows, published, open, failed }
}

/**
 * Published before, and not yet forgotten. A window that is forgotten was named by a poller that had been overtaken: its records are
 * counted long since, and what is left of its pages would give another row.
 */
function isPublished(
  { name, window }: WindowOutput,
  { end }: WindowBounds,
  { upTo, ended, settled }: CloseBody,
): boolean {
  // What sessions they are in remains to be seen.
  if (window.kind === 'session') return true
  const published = highest(upTo, ended[name] ?? null)
  return published !== null && end <= published && (settled === null || end + window.grace > settled)
}

const NOTHING_NEW: CloseStep['spans'][number] = { from: null, to: null }

function newWindows(
  output: WindowOutput,
  index: number,
  pages: readonly Page[],
  { from, to }: CloseStep['spans'][number],
): readonly WindowBounds[] {
  if (to === null || (from !== null && from >= to)) return []
  return [...windowsWithData(output.window, sliceStartsOf(pages, index), from, to)]
}

function neededPages(
  { outputs, layout }: Closer,
  body: CloseBody,
  spans: CloseStep['spans'],
  running: RunningSpans,
  settled: EpochMillis,
  again: readonly DirtyWindow[],
): readonly PageRange[] {
  const ranges = again.map(({ window }) => pageRange(layout, window.start, window.end))
  const news = outputs.flatMap((output, i) => {
    if (isSessionOutput(output)) {
      const own = again.filter((entry) => entry.output === i)
      return sessionRanges(output, layout, { body, ...spans[i]!, running: running[i]!, settled }, own)
    }
    return [spans[i]!, running[i] ?? NOTHING_NEW].flatMap(({ from, to }) =>
      to === null || (from !== null && from >= to) ? [] : (neededRange(layout, body, { output, from, to }) ?? []),
    )
  })
  return [...ranges, ...news]
}

/** Rows first, as one object; then the item that makes them count. Null when another closer was faster. */
async function publish(
  runtime: Runtime,
  item: CloseItem,
  computed: Computed,
  reached: Pick<CloseBody, 'upTo' | 'ended' | 'settled' | 'emitted'>,
): Promise<CloseItem | null> {
  const seq = item.seq + 1
  const delivered = await confirmed(runtime)
  const open = item.body.pending.filter((result) => result.seq > delivered)
  const news: PendingResult[] =
    computed.rows.length === 0 ? [] : [{ seq, path: await writeResult(runtime, seq, computed.rows) }]
  const failed = stillFailed(item.body.failed, computed)
  const body = { ...reached, published: computed.published, open: computed.open, failed, pending: [...open, ...news] }
  const stored = await storeCloseItem(runtime.state, controlGroup(runtime), item, body)
  if (stored === null) return null
  for (const result of item.body.pending) if (result.seq <= delivered) await runtime.store.delete(result.path)
  return stored
}

const FAILED_KEPT = 100

/** Those before, but for rows that could be made since. */
function stillFailed(before: CloseBody['failed'], { rows, failed }: Computed): CloseBody['failed'] {
  if (before.length === 0) return failed.slice(-FAILED_KEPT)
  const key = (one: WindowRow | FailedResult): string => JSON.stringify([one.output, one.start, one.end, one.group])
  const anew = new Set([...rows, ...failed].map(key))
  return [...before.filter((one) => !anew.has(key(one))), ...failed].slice(-FAILED_KEPT)
}
