import type { EpochMillis } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import type { PageRange } from '#runtime/close-pages.ts'
import type { RunningLooks } from '#runtime/close-running.ts'
import type { StoredRow } from '#runtime/result-object.ts'
import type { Runtime } from '#runtime/runtime.ts'
import type { Fields } from '#schema/column.ts'
import type { ClosedOutput } from '#window/chained.ts'
import type { FailedGroup } from '#window/close.ts'
import type { Page, PageCodec } from '#window/page.ts'
import type { SliceLayout } from '#window/slices.ts'
import type { WindowBounds } from '#window/windows.ts'

/** What a closer knows of its plan. */
export interface Closer {
  readonly runtime: Runtime
  readonly looks: RunningLooks
  /** Those that records are folded into first, with the numbers that they have in pages. */
  readonly outputs: readonly ClosedOutput[]
  readonly fields: Fields
  readonly layout: SliceLayout
  readonly codec: PageCodec
}

/** What a step has to do for one output. */
export interface OutputWork {
  readonly output: WindowOutput
  readonly ranges: readonly PageRange[]
  /** Whether rows of windows that end then were published, and count now. */
  readonly wants: (bounds: WindowBounds) => boolean
  /** The same for all windows that end from `first` to `last`. */
  readonly mayWant: (first: EpochMillis, last: EpochMillis) => boolean
  rowsOf(
    pages: readonly Page[],
    before: readonly StoredRow[],
    onFailure: (failed: FailedGroup) => void,
  ): readonly StoredRow[]
  /** Rows that are made of all pages together. */
  finish?(onFailure: (failed: FailedGroup) => void): readonly StoredRow[]
  /** Of sessions, after all pages: where the first open one starts and when the first one ends. */
  open(): { readonly start: EpochMillis | null; readonly due: EpochMillis }
}
