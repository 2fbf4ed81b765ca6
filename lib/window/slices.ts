import { DAY, type EpochMillis, floorTo, gcd, MINUTE, type Millis } from '#core/time.ts'
import type { WindowSpec } from '#plan/plan.ts'

/** How event time is cut: into slices of `width`, and those into pages of `span`. Slice and page 0 start at the epoch. */
export interface SliceLayout {
  readonly width: Millis
  /** A whole number of slices. */
  readonly span: Millis
}

/**
 * Civil days, weeks … begin on a quarter of an hour in UTC, in every zone at its offsets of today and since 1972. Before that
 * some zones were off by seconds or minutes; there an event counts in the period in which its slice starts.
 */
const CALENDAR_GRID: Millis = 15 * MINUTE

/**
 * The slices in which every one of the windows is a union of whole slices: their width is the gcd of all sizes, slides and
 * offsets, and of a quarter of an hour where a calendar window is involved. It divides the gap of sessions, too.
 *
 * A page is the slices of one span of event time of one partition, stored as one item. Records that arrive together lie within
 * `outOfOrder` of each other, so a span of that length (whole slices, at most a day) makes a batch touch about two pages.
 */
export function sliceLayout(windows: readonly WindowSpec[], outOfOrder: Millis): SliceLayout {
  let common = 0
  for (const window of windows) {
    for (const length of lengthsOf(window)) common = gcd(length, common)
  }
  const width = common === 0 ? DAY : common
  const wanted = Math.ceil(outOfOrder / width) * width
  return { width, span: Math.max(width, Math.min(wanted, floorTo(DAY, width))) }
}

function lengthsOf(window: WindowSpec): readonly Millis[] {
  switch (window.kind) {
    case 'tumbling':
      return [window.size, window.offset]
    case 'sliding':
      return [window.size, window.every, window.offset]
    case 'cumulating':
      return [window.step, window.offset]
    case 'session':
      // Two records of one slice are less than a gap apart: they are in one session anyway.
      return [window.gap]
    case 'calendar':
      return [CALENDAR_GRID]
  }
}

/** Start of the slice that contains `t`. */
export function sliceStart(layout: SliceLayout, t: EpochMillis): EpochMillis {
  return floorTo(t, layout.width)
}

/** Number of the page that holds the slice of `t`: page i covers [i × span, (i + 1) × span). Negative before 1970. */
export function pageIndex(layout: SliceLayout, t: EpochMillis): number {
  return Math.floor(t / layout.span)
}
