import type { EpochMillis } from '#core/time.ts'
import type { SessionSpec, WindowOutput } from '#plan/plan.ts'
import { highest } from '#runtime/bounds.ts'
import { type CloseBody, type PublishedRow, type PublishedWindows, windowId } from '#runtime/close-item.ts'
import { type PageRange, pageRange } from '#runtime/close-pages.ts'
import type { DirtyWindow } from '#runtime/dirty.ts'
import { decodeValues, encodeValues } from '#runtime/json-body.ts'
import { type WindowRow, windowRow } from '#runtime/results.ts'
import type { Fields } from '#schema/column.ts'
import { aggregatesOf } from '#window/aggregate.ts'
import { type FailedGroup, finish, type Passes, valuesOf, whereOf } from '#window/close.ts'
import { decodeGroupKey } from '#window/group-key.ts'
import type { Page } from '#window/page.ts'
import { isSettled, type Session, sessionsOf } from '#window/sessions.ts'
import type { SliceLayout } from '#window/slices.ts'
import type { WindowBounds } from '#window/windows.ts'

export type SessionOutput = WindowOutput & { readonly window: SessionSpec }

export const isSessionOutput = (output: WindowOutput): output is SessionOutput => output.window.kind === 'session'

/** How far a close goes: sessions with from < end ≤ to are published for the first time. */
export interface SessionStep {
  readonly body: CloseBody
  readonly from: EpochMillis | null
  /** Not above `from` when only corrections are due. */
  readonly to: EpochMillis | null
  /** Sessions that are open then and have ended at `running.to`, if no record came any more, are published as running; null for none. */
  readonly running: { readonly to: EpochMillis | null } | null
  readonly settled: EpochMillis
}

/** Anything but corrections. */
const hasNews = ({ from, to, running }: SessionStep): boolean =>
  running !== null || (to !== null && (from === null || to > from))

const isIdle = (step: SessionStep, dirty: readonly DirtyWindow[]): boolean =>
  !hasNews(step) && (step.to === null || dirty.length === 0)

/**
 * The earliest event time that a session which isn't published yet can hold; null for any. A record that came since the last close is
 * after `from` − gap, or it is named as dirty; and it may go on with a session that was published, if that is close enough.
 *
 * @param from sessions with end ≤ from are published
 */
export function earliestOpen(
  { name, window }: SessionOutput,
  body: CloseBody,
  from: EpochMillis | null,
): EpochMillis | null {
  if (from === null) return null
  const fresh = from - window.gap
  let earliest = Math.min(body.open[name] ?? from, fresh)
  for (const { start, end } of Object.values(body.published[name] ?? {})) {
    if (end >= fresh) earliest = Math.min(earliest, start)
  }
  return earliest
}

/** The earliest event time that anything to come may need of the output's pages, once `body` is stored. */
export function earliestKept(
  { name, window }: SessionOutput,
  body: Pick<CloseBody, 'open' | 'published'>,
  settled: EpochMillis,
): EpochMillis {
  let earliest = Math.min(body.open[name] ?? Number.POSITIVE_INFINITY, settled - window.grace - window.gap)
  for (const { start } of Object.values(body.published[name] ?? {})) earliest = Math.min(earliest, start)
  return earliest
}

/** The pages that a close needs of one session output: from the first open session on, and around what is dirty. */
export function sessionRanges(
  output: SessionOutput,
  layout: SliceLayout,
  step: SessionStep,
  dirty: readonly DirtyWindow[],
): readonly PageRange[] {
  if (isIdle(step, dirty)) return []
  const { body, from } = step
  const to = highest(step.to, step.running?.to ?? null)!
  const { gap } = output.window
  const published = Object.values(body.published[output.name] ?? {})
  const around = dirty.map(({ window, key }) => {
    let { start, end } = window
    for (const one of published) {
      if (key === undefined || !(key in one.rows) || one.start > window.end || one.end < window.start) continue
      start = Math.min(start, one.start)
      end = Math.max(end, one.end)
    }
    return pageRange(layout, start - gap, end + gap + 1)
  })
  return [pageRange(layout, earliestOpen(output, body, from), to + 1), ...around]
}

export interface ClosedSessions {
  readonly rows: readonly WindowRow[]
  readonly published: PublishedWindows
  /** Start of the first session that is still open. */
  readonly open: EpochMillis | null
}

/**
 * Result rows of the sessions of one output that end between the marks, and of those that dirty records belong to. A session that
 * has swallowed others which were published withdraws them and gets a higher revision than theirs.
 */
export function closeSessions(
  output: SessionOutput,
  index: number,
  fields: Fields,
  pages: readonly Page[],
  step: SessionStep,
  dirty: readonly DirtyWindow[],
  onFailure: (failed: FailedGroup) => void,
): ClosedSessions {
  const { body, from, running, settled } = step
  const to = step.to ?? Number.NEGATIVE_INFINITY
  const before = body.published[output.name] ?? {}
  if (isIdle(step, dirty)) {
    return { rows: [], published: before, open: body.open[output.name] ?? null }
  }
  const aggregates = aggregatesOf(output, fields)
  const finishStates = (states: readonly unknown[]) => finish(states.slice(1), aggregates.slice(1))
  const publisher = new SessionPublisher(output, before, settled, finishStates, onFailure)
  const dirtyOf = Map.groupBy(dirty, ({ key }) => key)
  let open: EpochMillis | null = null
  for (const [key, sessions] of sessionsOf(output.window, index, pages, aggregates)) {
    for (const session of sessions) {
      const { start, end } = session.bounds
      if (end > to) {
        open = Math.min(open ?? start, start)
        if (running === null) publisher.hold(key, session.bounds)
        else publisher.publish(key, session, sessions, true)
      } else if (from === null || end > from) publisher.publish(key, session, sessions, false)
      else if (isDirty(output.window, session.bounds, dirtyOf.get(key), body.settled)) {
        publisher.publish(key, session, sessions, false)
      }
    }
  }
  return { ...publisher.finished(), open }
}

/** Sessions beyond grace are named by pollers that were overtaken: their records are counted long since. */
function isDirty(
  spec: SessionSpec,
  { start, end }: WindowBounds,
  dirty: readonly DirtyWindow[] | undefined,
  settled: EpochMillis | null,
): boolean {
  if (dirty === undefined || (settled !== null && isSettled(spec, end, settled - spec.grace))) return false
  return dirty.some(({ window }) => window.start <= end - spec.gap && window.end - spec.gap >= start)
}

interface Known {
  readonly id: string
  readonly bounds: WindowBounds
  readonly row: PublishedRow
}

type Draft = Record<
  string,
  { readonly start: EpochMillis; readonly end: EpochMillis; rows: Record<string, PublishedRow> }
>

/** Compares sessions with what was published. A session that `where` refuses is remembered too, without values: its bounds count. */
class SessionPublisher {
  readonly #output: SessionOutput
  readonly #finish: (states: readonly unknown[]) => readonly unknown[]
  readonly #passes: Passes
  readonly #onFailure: (failed: FailedGroup) => void
  readonly #settled: EpochMillis
  readonly #known = new Map<string, Known[]>()
  readonly #published: Draft = {}
  readonly #rows: { readonly key: string; readonly end: EpochMillis; readonly row: WindowRow }[] = []

  constructor(
    output: SessionOutput,
    before: PublishedWindows,
    settled: EpochMillis,
    finishStates: (states: readonly unknown[]) => readonly unknown[],
    onFailure: (failed: FailedGroup) => void,
  ) {
    this.#output = output
    this.#finish = finishStates
    this.#passes = whereOf(output)
    this.#onFailure = onFailure
    this.#settled = settled - output.window.grace
    for (const [id, { start, end, rows }] of Object.entries(before)) {
      const bounds = { start, end }
      for (const [key, row] of Object.entries(rows)) {
        const own = this.#known.get(key)
        if (own === undefined) this.#known.set(key, [{ id, bounds, row }])
        else own.push({ id, bounds, row })
      }
      if (!isSettled(output.window, end, this.#settled)) this.#published[id] = { start, end, rows: { ...rows } }
    }
  }

  publish(key: string, { bounds, states }: Session, all: readonly Session[], isOpen: boolean): void {
    const id = windowId(bounds)
    const known = this.#known.get(key) ?? []
    const swallowed = known.filter(
      (one) => isIn(one.bounds, bounds) && !all.some((other) => windowId(other.bounds) === one.id),
    )
    for (const one of swallowed) this.#withdraw(key, one)
    const old = known.find((one) => one.id === id)?.row
    // Above the revisions of what it takes the place of, the withdrawals included.
    const revision =
      old?.revision ?? Math.max(-1, ...swallowed.map(({ row }) => row.revision + (row.values === null ? 0 : 1)))
    const group = old?.group ?? decodeGroupKey(key)
    const place = { window: this.#reported(bounds), group }
    const values = valuesOf(() => this.#finish(states), this.#passes, place, isOpen ? () => {} : this.#onFailure)
    const running = isOpen ? ({ running: true } as const) : {}
    if (values !== null) {
      const text = encodeValues(values)
      if (old?.values === text && old.running === running.running) return
      const row = windowRow(this.#output, this.#reported(bounds), group, values, revision + 1, !isOpen)
      this.#emit(key, bounds, { ...row, ...running })
      this.#keep(key, bounds, { revision: revision + 1, group, values: text, ...running })
    } else if (old !== undefined && old.values !== null) {
      this.#withdraw(key, { id, bounds, row: old })
      this.#keep(key, bounds, { revision: revision + 1, group, values: null })
    } else {
      this.#keep(key, bounds, { revision, group, values: null })
    }
  }

  /** Sessions that were published at the end of input and go on: remembered until the longer one takes their place. */
  hold(key: string, bounds: WindowBounds): void {
    for (const { id, bounds: own, row } of this.#known.get(key) ?? []) {
      if (!isIn(own, bounds)) continue
      this.#published[id] ??= { ...own, rows: {} }
      this.#published[id].rows[key] = row
    }
  }

  finished(): Pick<ClosedSessions, 'rows' | 'published'> {
    this.#rows.sort((a, b) => a.end - b.end || (a.key < b.key ? -1 : Number(a.key > b.key)))
    return { rows: this.#rows.map(({ row }) => row), published: this.#published }
  }

  #withdraw(key: string, { id, bounds, row }: Known): void {
    if (row.values !== null) {
      const values = decodeValues(row.values)
      this.#emit(
        key,
        bounds,
        windowRow(this.#output, this.#reported(bounds), row.group, values, row.revision + 1, false),
      )
    }
    const kept = this.#published[id]
    if (kept === undefined) return
    delete kept.rows[key]
    if (Object.keys(kept.rows).length === 0) delete this.#published[id]
  }

  #keep(key: string, { start, end }: WindowBounds, row: PublishedRow): void {
    if (isSettled(this.#output.window, end, this.#settled)) return
    const id = windowId({ start, end })
    this.#published[id] ??= { start, end, rows: {} }
    this.#published[id].rows[key] = row
  }

  #emit(key: string, { end }: WindowBounds, row: WindowRow): void {
    this.#rows.push({ key, end, row })
  }

  #reported({ start, end }: WindowBounds): WindowBounds {
    const { window } = this.#output
    return { start, end: window.end === 'gap' ? end : end - window.gap }
  }
}

const isIn = (inner: WindowBounds, outer: WindowBounds): boolean => inner.start >= outer.start && inner.end <= outer.end
