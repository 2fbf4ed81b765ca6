import type { EpochMillis } from '#core/time.ts'

/** A closed window as a detector keeps it: the values of the keys that had a row, by ascending index of the key. */
export interface ClosedWindow {
  readonly start: EpochMillis
  readonly end: EpochMillis
  readonly keys: Int32Array
  readonly values: Float64Array
}

const NO_KEYS = new Int32Array(0)
const NO_VALUES = new Float64Array(0)

export const emptyWindow = (start: EpochMillis, end: EpochMillis): ClosedWindow => ({
  start,
  end,
  keys: NO_KEYS,
  values: NO_VALUES,
})

/** The window with some values changed; null takes a value away. */
export function withValues(window: ClosedWindow, changes: ReadonlyMap<number, number | null>): ClosedWindow {
  const all = new Map<number, number>()
  for (let i = 0; i < window.keys.length; i++) all.set(window.keys[i]!, window.values[i]!)
  for (const [key, value] of changes) {
    if (value === null) all.delete(key)
    else all.set(key, value)
  }
  const keys = Int32Array.from(all.keys()).sort()
  return { start: window.start, end: window.end, keys, values: Float64Array.from(keys, (key) => all.get(key)!) }
}
