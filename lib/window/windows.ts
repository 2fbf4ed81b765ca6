import { type EpochMillis, floorTo, type Millis } from '#core/time.ts'
import type { WindowSpec } from '#plan/plan.ts'
import { calendar } from '#window/calendar.ts'

/** One window, [start, end). */
export interface WindowBounds {
  readonly start: EpochMillis
  readonly end: EpochMillis
}

/** A tumbling window is a sliding one whose windows neither overlap nor leave gaps. */
interface Hops {
  readonly size: Millis
  readonly every: Millis
  readonly offset: Millis
}

type HopSpec = Extract<WindowSpec, { readonly kind: 'tumbling' | 'sliding' }>

function hopsOf(spec: HopSpec): Hops {
  return spec.kind === 'tumbling' ? { size: spec.size, every: spec.size, offset: spec.offset } : spec
}

/**
 * The windows that contain `t`, ascending by end; none where `t` lies in a gap (`every` > `size`). Of sessions the one that a record
 * at `t` makes by itself, before it is joined to others.
 */
export function windowsContaining(spec: WindowSpec, t: EpochMillis): readonly WindowBounds[] {
  if (spec.kind === 'calendar') {
    const { start, end } = calendar(spec.unit, spec.zone).periodOf(t)
    return [{ start, end }]
  }
  if (spec.kind === 'session') return [{ start: t, end: t + spec.gap }]
  if (spec.kind === 'cumulating') {
    const start = floorTo(t, spec.size, spec.offset)
    const windows: WindowBounds[] = []
    for (let end = floorTo(t, spec.step, spec.offset) + spec.step; end <= start + spec.size; end += spec.step) {
      windows.push({ start, end })
    }
    return windows
  }
  const { size, every, offset } = hopsOf(spec)
  const windows: WindowBounds[] = []
  for (let start = floorTo(t - size, every, offset) + every; start <= t; start += every) {
    windows.push({ start, end: start + size })
  }
  return windows
}

/**
 * The windows with `after` < end ≤ `upTo`, ascending by end (and by start). Lazy: costs nothing until it is walked.
 * No sessions: these are made by records (sessions.ts).
 *
 * @throws RangeError when `after` isn't finite: there would be no first window.
 */
export function* windowsEndingIn(spec: WindowSpec, after: EpochMillis, upTo: EpochMillis): Iterable<WindowBounds> {
  if (!Number.isFinite(after))
    throw new RangeError(`windowsEndingIn needs a finite time to start after, found ${after}`)
  if (spec.kind === 'calendar') {
    for (const { start, end } of calendar(spec.unit, spec.zone).periodsFrom(after)) {
      if (end > upTo) return
      yield { start, end }
    }
    return
  }
  if (spec.kind === 'session') return
  if (spec.kind === 'cumulating') {
    const { size, step, offset } = spec
    for (let end = floorTo(after, step, offset) + step; end <= upTo; end += step) {
      yield { start: floorTo(end - 1, size, offset), end }
    }
    return
  }
  const { size, every, offset } = hopsOf(spec)
  for (let end = floorTo(after, every, offset + size) + every; end <= upTo; end += every) {
    yield { start: end - size, end }
  }
}

/** The largest end of the windows that contain `t`; null in a gap. */
export function lastWindowEnd(spec: WindowSpec, t: EpochMillis): EpochMillis | null {
  const { end } = lastWindowStarted(spec, t)
  return end > t ? end : null
}

/** The window with the largest start ≤ `t`, of several the longest. It contains `t` unless `t` lies in a gap. */
export function lastWindowStarted(spec: WindowSpec, t: EpochMillis): WindowBounds {
  if (spec.kind === 'calendar') return calendar(spec.unit, spec.zone).periodOf(t)
  if (spec.kind === 'session') return { start: t, end: t + spec.gap }
  if (spec.kind === 'cumulating') {
    const start = floorTo(t, spec.size, spec.offset)
    return { start, end: start + spec.size }
  }
  const { size, every, offset } = hopsOf(spec)
  const start = floorTo(t, every, offset)
  return { start, end: start + size }
}
