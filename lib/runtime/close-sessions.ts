import type { EpochMillis } from '#core/time.ts'
import type { SessionSpec, WindowOutput } from '#plan/plan.ts'
import { highest } from '#runtime/bounds.ts'
import type { CloseBody } from '#runtime/close-item.ts'
import { type PageRange, pageRange } from '#runtime/close-pages.ts'
import type { DirtyWindow } from '#runtime/dirty.ts'
import { encodeValues } from '#runtime/json-body.ts'
import { closingBounds, isBeyondGrace, windowId } from '#runtime/published.ts'
import { isShown, type RowState, type StoredRow } from '#runtime/result-object.ts'
import type { EndRange } from '#runtime/time-ranges.ts'
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

const endsOf = ({ published }: Pick<CloseBody, 'published'>, name: string): readonly EndRange[] =>
  published.flatMap(({ ends }) => ends[name] ?? [])

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
  for (const { start, last } of endsOf(body, name)) if (last >= fresh) earliest = Math.min(earliest, start)
  return earliest
}

/** Whether something to come may need what was published of the output's sessions with this end. */
export function isRemembered(
  output: SessionOutput,
  end: EpochMillis,
  open: CloseBody['open'],
  settled: EpochMillis,
): boolean {
  // One that was published at the end of input and goes on is remembered until the longer one takes its place.
  return !isBeyondGrace(output, end, settled) || end >= (open[output.name] ?? Number.POSITIVE_INFINITY)
}

/** The earliest event time that anything to come may need of the output's pages, once `body` is stored. */
export function earliestKept(
  output: SessionOutput,
  body: Pick<CloseBody, 'open' | 'published'>,
  settled: EpochMillis,
): EpochMillis {
  const { name, window } = output
  let earliest = Math.min(body.open[name] ?? Number.POSITIVE_INFINITY, settled - window.grace - window.gap)
  for (const { start, last } of endsOf(body, name)) {
    if (isRemembered(output, last, body.open, settled)) earliest = Math.min(earliest, start)
  }
  return earliest
}

/** The pages that a close needs of one session output: from the first open session on, and around what is dirty. */
export function sessionRanges(
  output: SessionOutput,
  layout: SliceLayout,
  step: SessionStep,
  dirty: readonly DirtyWindow[],
): readonly PageRange[] {
  if (standsStill(step, dirty)) return []
  const { body, from } = step
  const to = highest(step.to, step.running?.to ?? null)!
  const { gap } = output.window
  const published = endsOf(body, output.name)
  const around = dirty.map(({ window }) => {
    let { start, end } = window
    for (const range of published) {
      if (range.start > window.end || range.last < window.start) continue
      start = Math.min(start, range.start)
      end = Math.max(end, range.last)
    }
    return pageRange(layout, start - gap, end + gap + 1)
  })
  return [pageRange(layout, earliestOpen(output, body, from), to + 1), ...around]
}

export interface ClosedSessions {
  readonly rows: readonly StoredRow[]
  /** Start of the first session that is still open; null for none. */
  readonly open: EpochMillis | null
  /** When the first of the open sessions ends, if no record joins it. */
  readonly due: EpochMillis
}

/** Nothing of the output's sessions is computed: they stand as they did. */
export const standsStill = (step: SessionStep, dirty: readonly DirtyWindow[]): boolean =>
  !hasNews(step) && (step.to === null || dirty.length === 0)

/**
 * Result rows of the sessions of one output that end between the marks, and of those that dirty records belong to. A session that
 * has swallowed others which were published withdraws them and gets a higher revision than theirs.
 *
 * @param before what was published of the groups in the pages, the latest of a row last
 */
export function closeSessions(
  output: SessionOutput,
  index: number,
  fields: Fields,
  pages: readonly Page[],
  step: SessionStep,
  dirty: readonly DirtyWindow[],
  before: readonly StoredRow[],
  onFailure: (failed: FailedGroup) => void,
): ClosedSessions {
  const { body, from, running, settled } = step
  const to = step.to ?? Number.NEGATIVE_INFINITY
  const aggregates = aggregatesOf(output, fields)
  const finishStates = (states: readonly unknown[]) => finish(states.slice(1), aggregates.slice(1))
  const publisher = new SessionPublisher(output, before, settled, finishStates, onFailure)
  const dirtyOf = Map.groupBy(dirty, ({ key }) => key)
  const ofAll = dirtyOf.get(undefined) ?? []
  let open: EpochMillis | null = null
  let due = Number.POSITIVE_INFINITY
  for (const [key, sessions] of sessionsOf(output.window, index, pages, aggregates)) {
    for (const session of sessions) {
      const { start, end } = session.bounds
      if (end > to) {
        open = Math.min(open ?? start, start)
        due = Math.min(due, end)
        if (running !== null) publisher.publish(key, session, sessions, true)
      } else if (from === null || end > from) publisher.publish(key, session, sessions, false)
      else if (isDirty(output.window, session.bounds, [...ofAll, ...(dirtyOf.get(key) ?? [])], body.settled)) {
        publisher.publish(key, session, sessions, false)
      }
    }
  }
  return { rows: publisher.finished(), open, due }
}

/** Sessions beyond grace are named by pollers that were overtaken: their records are counted long since. */
function isDirty(
  spec: SessionSpec,
  { start, end }: WindowBounds,
  dirty: readonly DirtyWindow[],
  settled: EpochMillis | null,
): boolean {
  if (settled !== null && isSettled(spec, end, settled - spec.grace)) return false
  return dirty.some(({ window }) => window.start <= end - spec.gap && window.end - spec.gap >= start)
}

interface Known {
  readonly id: string
  /** By which the session closes. */
  readonly bounds: WindowBounds
  readonly row: StoredRow
}

/** Compares sessions with what was published. A session that `where` refuses is remembered too: its bounds count. */
class SessionPublisher {
  readonly #output: SessionOutput
  readonly #finish: (states: readonly unknown[]) => readonly unknown[]
  readonly #passes: Passes
  readonly #onFailure: (failed: FailedGroup) => void
  readonly #settled: EpochMillis
  /** By group key. */
  readonly #known = new Map<string, Map<string, Known>>()
  readonly #rows: StoredRow[] = []

  constructor(
    output: SessionOutput,
    before: readonly StoredRow[],
    settled: EpochMillis,
    finishStates: (states: readonly unknown[]) => readonly unknown[],
    onFailure: (failed: FailedGroup) => void,
  ) {
    this.#output = output
    this.#finish = finishStates
    this.#passes = whereOf(output)
    this.#onFailure = onFailure
    this.#settled = settled
    for (const row of before) {
      const bounds = closingBounds(output, row)
      const id = windowId(bounds)
      const own = this.#known.get(row.key)
      if (own === undefined) this.#known.set(row.key, new Map([[id, { id, bounds, row }]]))
      else own.set(id, { id, bounds, row })
    }
  }

  publish(key: string, { bounds, states }: Session, all: readonly Session[], isOpen: boolean): void {
    const id = windowId(bounds)
    const known = this.#known.get(key)
    const swallowed = [...(known?.values() ?? [])].filter(
      (one) => isIn(one.bounds, bounds) && !all.some((other) => windowId(other.bounds) === one.id),
    )
    for (const { row } of swallowed) if (isShown(row)) this.#withdraw(row)
    const old = known?.get(id)?.row
    // Above the revisions of what it takes the place of, the withdrawals included.
    const revision = old?.revision ?? Math.max(-1, ...swallowed.map(({ row }) => row.revision + (isShown(row) ? 1 : 0)))
    const place = { window: this.#reported(bounds), group: decodeGroupKey(key) }
    const values = valuesOf(() => this.#finish(states), this.#passes, place, isOpen ? () => {} : this.#onFailure)
    if (values !== null) {
      const state = isOpen ? 'running' : 'published'
      if (old?.state === state && encodeValues(old.values) === encodeValues(values)) return
      this.#add(key, bounds, revision + 1, state, values)
    } else if (old !== undefined && isShown(old)) {
      this.#withdraw(old)
    } else if (old === undefined && !isBeyondGrace(this.#output, bounds.end, this.#settled)) {
      this.#add(key, bounds, revision, 'remembered', [])
    }
  }

  finished(): readonly StoredRow[] {
    return this.#rows.sort((a, b) => a.end - b.end || (a.key < b.key ? -1 : Number(a.key > b.key)))
  }

  #withdraw(row: StoredRow): void {
    this.#rows.push({ ...row, revision: row.revision + 1, state: 'withdrawn' })
  }

  #add(key: string, bounds: WindowBounds, revision: number, state: RowState, values: readonly unknown[]): void {
    this.#rows.push({ output: this.#output.name, ...this.#reported(bounds), key, revision, state, values })
  }

  #reported({ start, end }: WindowBounds): WindowBounds {
    const { window } = this.#output
    return { start, end: window.end === 'gap' ? end : end - window.gap }
  }
}

const isIn = (inner: WindowBounds, outer: WindowBounds): boolean => inner.start >= outer.start && inner.end <= outer.end
