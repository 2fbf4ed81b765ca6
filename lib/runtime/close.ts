import { isSluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import { fieldsAfter, foldedOutputs } from '#plan/plan.ts'
import { highest } from '#runtime/bounds.ts'
import { type Computed, compute, FAILED_KEPT, failedKey } from '#runtime/close-compute.ts'
import { goalOf, settledUpTo, watermarkOf } from '#runtime/close-goal.ts'
import {
  type CloseBody,
  type CloseItem,
  type FailedResult,
  loadCloseItem,
  storeCloseItem,
} from '#runtime/close-item.ts'
import { expirePages } from '#runtime/close-pages.ts'
import { appliedText, emittedAfter, RunningLooks, runningSpans } from '#runtime/close-running.ts'
import { earliestKept, isRemembered, isSessionOutput } from '#runtime/close-sessions.ts'
import { type CloseStep, nextStep, standStill } from '#runtime/close-step.ts'
import type { Closer } from '#runtime/close-work.ts'
import { confirmed } from '#runtime/deliver.ts'
import { listDirty } from '#runtime/dirty.ts'
import { controlGroup, dirtyGroup, progressGroup } from '#runtime/keys.ts'
import { deleteUnnamed, sweepResults, waitingWith } from '#runtime/pending.ts'
import { listProgress } from '#runtime/progress.ts'
import { isBeyondGrace, mergedResults, stillNeeded } from '#runtime/published.ts'
import { raiseBounds } from '#runtime/raise-bounds.ts'
import type { WindowRow } from '#runtime/results.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { closedOutputs } from '#window/chained.ts'
import { pageCodec } from '#window/page.ts'
import { sliceLayout } from '#window/slices.ts'
import type { WatermarkReading } from '#window/watermark.ts'
import { windowsEndingIn } from '#window/windows.ts'

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
  /** The first of the rows, at most 10,000 a step. */
  readonly rows: readonly WindowRow[]
  readonly rowCount: number
  readonly watermark: WatermarkReading
  /** Rows that could not be made. Everything else is closed all the same. */
  readonly failed: readonly FailedResult[]
}

/**
 * The close stage: moves the closed-up-to mark to the watermark and makes result rows of every window that this closes, and of
 * closed windows within grace that got records since. May run twice at once or stop anywhere: the close item decides whose
 * rows count. The rows reach the sinks by `deliver`.
 *
 * Cost without news: two LISTs, two reads. With news: the pages of the windows, an object for each megabyte of rows, three writes.
 * Running results: once for each look at applied records the pages of all open windows, and where a row has changed an object and two
 * writes. In memory are the groups of one piece of the pages at a time.
 */
export interface CloseStage {
  /** Closes what can be closed now. */
  run(reading: CloseReading): Promise<Closed>
}

export function closeStage(runtime: Runtime): CloseStage {
  const { plan } = runtime
  const outputs = closedOutputs(plan)
  const folded = foldedOutputs(plan)
  const fields = fieldsAfter(plan, plan.steps.length)
  const layout = sliceLayout(
    folded.map((output) => output.window),
    plan.topic.outOfOrder,
  )
  const codec = pageCodec(folded, fields)
  const closer: Closer = { runtime, outputs, fields, layout, codec, looks: new RunningLooks() }
  const seen: Seen = { swept: false, quiet: null }
  return {
    async run(reading) {
      const rows: WindowRow[] = []
      const failed: FailedResult[] = []
      let rowCount = 0
      for (;;) {
        const step = await closeStep(closer, reading, seen)
        rows.push(...step.rows)
        rowCount += step.rowCount
        failed.push(...step.failed)
        if (!step.more) return { ...step, rows, rowCount, failed }
      }
    },
  }
}

/** What this closer remembers from one look to the next. */
interface Seen {
  /** What others left has been cleared away. */
  swept: boolean
  /** As long as no record comes and the watermark is below `until`, no session ends. */
  quiet: { readonly applied: string; readonly until: EpochMillis } | null
}

const UNKNOWN: WatermarkReading = { watermark: null, holding: [], partitions: [] }

type Stepped = Closed & { readonly more: boolean }

async function closeStep(closer: Closer, reading: CloseReading, seen: Seen): Promise<Stepped> {
  const { runtime } = closer
  const item = await loadCloseItem(runtime)
  try {
    return await closeFrom(closer, reading, seen, item)
  } catch (error) {
    if (!isSluiceError(error, 'OBJECT_NOT_FOUND') || (await loadCloseItem(runtime)).seq === item.seq) throw error
    // Another closer was faster, and has deleted results that it has no use for any more.
    return { upTo: item.body.upTo, rows: [], rowCount: 0, failed: [], watermark: UNKNOWN, more: true }
  }
}

async function closeFrom(closer: Closer, reading: CloseReading, seen: Seen, item: CloseItem): Promise<Stepped> {
  const { runtime } = closer
  const { state } = runtime
  const progress = await listProgress(state, progressGroup(runtime))
  const applied = new Map([...progress].map(([partition, { last }]) => [partition, last.offset]))
  const endOffsets = await reading.endOffsets(applied)
  const { upTo } = item.body
  const nothing = { upTo, rows: [], rowCount: 0, failed: [], more: false }
  if (endOffsets === null) return { ...nothing, watermark: UNKNOWN }
  const watermark = watermarkOf(closer, endOffsets, progress, reading.moreToCome === true)
  const dirty = await listDirty(state, dirtyGroup(runtime))
  const goal = await goalOf(closer, reading.endOfInput, progress, watermark.watermark)
  const isDirty = dirty.windows.length > 0
  const isQuiet = seen.quiet?.applied === appliedText(progress) && goal.mark !== null && goal.mark < seen.quiet.until
  if (isQuiet && !isDirty && goal.ended === null && closer.outputs.every(({ emit }) => emit === 'final')) {
    return { ...nothing, watermark }
  }
  const next = await nextStep(runtime, closer.outputs, closer.layout, item.body, goal)
  const step = next ?? standStill(closer.outputs, item.body)
  const now = runtime.clock.now()
  const running = runningSpans(closer.outputs, item.body, step, progress, closer.looks, now)
  const closesNothing = next === null && !isDirty
  if (closesNothing && running.every((span) => span === null)) return { ...nothing, watermark }
  const ended = endedAfter(closer, step)
  await raiseBounds(state, runtime, { mark: step.mark, ended })
  const settled = settledUpTo(upTo, watermark, progress)
  const computed = await compute(closer, item, dirty.windows, step, running, settled)
  seen.quiet = null
  if ((closesNothing && computed.rowCount === 0) || (!isDirty && isIdle(closer, item, step, computed))) {
    closer.looks.done(closer.outputs, running, appliedText(progress))
    const times = [...progress.values()].map(({ maxEventTime }) => maxEventTime ?? Number.NEGATIVE_INFINITY)
    seen.quiet = { applied: appliedText(progress), until: nextEnd(closer, step, computed, Math.max(...times)) }
    return { ...nothing, watermark }
  }
  const emitted = emittedAfter(closer.outputs, item.body, running, now)
  const degraded = watermark.holding.length > 0
  const reached = { degraded, upTo: step.mark, ended, settled: highest(item.body.settled, finite(settled)), ...emitted }
  const stored = await publish(closer, item, computed, reached)
  const { rows, rowCount, failed } = computed
  if (stored === null) return { ...nothing, watermark, more: true }
  closer.looks.done(closer.outputs, running, appliedText(progress))
  await dirty.clear()
  if (!seen.swept) await sweepResults(runtime, stored)
  seen.swept = true
  if (settled > Number.NEGATIVE_INFINITY) {
    const kept = closer.outputs.filter(isSessionOutput).map((output) => earliestKept(output, stored.body, settled))
    await expirePages(runtime, closer.outputs, closer.layout, settled, applied, Math.min(...kept))
  }
  return { upTo: step.mark, rows, rowCount, failed, watermark, more: step.more }
}

/**
 * Nothing but the watermark moved, so that the close item may stay as it is: its next step begins where this one did. Only where
 * sessions let the mark stand anywhere; and now and then it moves all the same, or nothing would ever be settled.
 */
function isIdle({ outputs, layout }: Closer, { body }: CloseItem, step: CloseStep, computed: Computed): boolean {
  const { upTo } = body
  if (computed.result !== null || computed.failed.length > 0 || step.more || upTo === null) return false
  if (step.mark === null || step.mark - upTo >= layout.span) return false
  return outputs.every(({ window }, i) => {
    const { from, to } = step.spans[i]!
    if (from === null || to === null || to > step.mark!) return false
    for (const _ of windowsEndingIn(window, from, to)) return false
    return true
  })
}

/** The earliest time at which any window may end, if no record comes. */
function nextEnd(
  { outputs, layout }: Closer,
  { mark }: CloseStep,
  { due }: Computed,
  newest: EpochMillis,
): EpochMillis {
  let next = due
  for (const { window } of outputs) {
    if (window.kind !== 'session') next = Math.min(next, mark! + layout.width)
    // What lies beyond the mark was not looked at.
    else if (newest > mark!) next = Math.min(next, mark! + window.gap)
  }
  return Math.min(next, mark! + layout.span)
}

/** What is published beyond the mark. */
function endedAfter({ outputs }: Closer, { mark, spans }: CloseStep): CloseBody['ended'] {
  const beyond = outputs.flatMap(({ name }, i) => {
    const { to } = spans[i]!
    return to !== null && (mark === null || to > mark) ? [[name, to] as const] : []
  })
  return Object.fromEntries(beyond)
}

/** JSON has no infinity. */
const finite = (bound: EpochMillis): EpochMillis | null => (bound === Number.NEGATIVE_INFINITY ? null : bound)

/** The rows are written; now the item moves that makes them count. Null when another closer was faster. */
async function publish(
  { runtime, outputs }: Closer,
  item: CloseItem,
  computed: Computed,
  reached: Pick<CloseBody, 'degraded' | 'upTo' | 'ended' | 'settled' | 'emitted'>,
): Promise<CloseItem | null> {
  const seq = item.seq + 1
  const { result, open } = computed
  const delivered = await confirmed(runtime)
  const news = computed.rowCount === 0 ? [] : [{ seq, path: result!.path }]
  const waiting = await waitingWith(runtime, seq, item.body, news, delivered)
  const settled = reached.settled ?? Number.NEGATIVE_INFINITY
  const byName = new Map(outputs.map((output) => [output.name, output]))
  const isNeeded = (name: string, end: EpochMillis): boolean => {
    const output = byName.get(name)
    if (output === undefined) return false
    return isSessionOutput(output) ? isRemembered(output, end, open, settled) : !isBeyondGrace(output, end, settled)
  }
  const all = result === null ? item.body.published : [...item.body.published, result]
  const published = await mergedResults(runtime, seq, outputs, stillNeeded(all, isNeeded), isNeeded)
  const body = { ...reached, ...waiting, published, open, failed: stillFailed(item.body.failed, computed) }
  const stored = await storeCloseItem(runtime.state, controlGroup(runtime), item, body)
  if (stored !== null) await deleteUnnamed(runtime, item.body, body, delivered)
  return stored
}

/** What is kept of failed groups, whatever their keys are. */
const FAILED_CHARACTERS = 32_768

/** Those before, but for rows that were computed anew since. */
function stillFailed(before: CloseBody['failed'], { anew, failed }: Computed): CloseBody['failed'] {
  const all = [...before.filter((one) => !anew.has(failedKey(one))), ...failed].slice(-FAILED_KEPT)
  let characters = 0
  let first = all.length
  for (; first > 0 && characters < FAILED_CHARACTERS; first--) characters += JSON.stringify(all[first - 1]).length
  return all.slice(first)
}
