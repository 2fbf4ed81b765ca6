import type { EpochMillis } from '#core/time.ts'

/** How far windows are closed. Both only ever rise. */
export interface Bounds {
  /** Every window with end ≤ mark is closed by the watermark: lateness is judged by it, and by nothing else. Null before the first. */
  readonly mark: EpochMillis | null
  /**
   * By output name: windows with end ≤ this were published because input had ended, though the watermark has not come to them. What
   * arrives for them is in time, and corrects what was published.
   */
  readonly ended: Readonly<Record<string, EpochMillis>>
}

export const NO_BOUNDS: Bounds = { mark: null, ended: {} }

/** The higher of each. */
export function raised(bounds: Bounds, to: Bounds): Bounds {
  const ended: Record<string, EpochMillis> = { ...bounds.ended }
  for (const [output, end] of Object.entries(to.ended)) ended[output] = Math.max(end, bounds.ended[output] ?? end)
  return { mark: highest(bounds.mark, to.mark), ended }
}

export function isSame(a: Bounds, b: Bounds): boolean {
  const outputs = new Set([...Object.keys(a.ended), ...Object.keys(b.ended)])
  return a.mark === b.mark && [...outputs].every((output) => a.ended[output] === b.ended[output])
}

/** An output's windows with end ≤ this are published; null while none is. */
export function publishedUpTo({ mark, ended }: Bounds, output: string): EpochMillis | null {
  return highest(mark, ended[output] ?? null)
}

export function highest(a: EpochMillis | null, b: EpochMillis | null): EpochMillis | null {
  if (a === null || b === null) return a ?? b
  return Math.max(a, b)
}
