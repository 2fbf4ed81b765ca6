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

function hopsOf(spec: Exclude<WindowSpec, { readonly kind: 'calendar' }>): Hops {
  return spec.kind === 'tumbling' ? { size: spec.size, every: spec.size, offset: spec.offset } : spec
}

/** The windows that contain `t`, ascending; none where `t` lies in a gap (`every` > `size`). */
export function windowsContaining(spec: WindowSpec, t: EpochMillis): readonly WindowBounds[] {
  if (spec.kind === 'calendar') {
    const { start, end } = calendar(spec.unit, spec.zone).periodOf(t)
    return [{ start, end }]
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

/** The window with the largest start ≤ `t`. It contains `t` unless `t` lies in a gap. */
export function lastWindowStarted(spec: WindowSpec, t: EpochMillis): WindowBounds {
  if (spec.kind === 'calendar') return calendar(spec.unit, spec.zone).periodOf(t)
  const { size, every, offset } = hopsOf(spec)
  const start = floorTo(t, every, offset)
  return { start, end: start + size }
}
