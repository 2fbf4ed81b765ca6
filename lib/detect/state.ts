import type { EpochMillis } from '#core/time.ts'
import type { Alert, KeyState } from '#detect/alert.ts'
import type { ClosedWindow } from '#detect/closed-window.ts'

/** All that a detector remembers. A value: each step makes another one. */
export interface DetectorState {
  readonly shape: string
  /** Values of the group columns, by index of the key. */
  readonly groups: readonly (readonly unknown[])[]
  /** Ascending by end: those within the horizon, and all that may still change. */
  readonly windows: readonly ClosedWindow[]
  /** Every window with end ≤ this is closed; null before the first. */
  readonly closedTo: EpochMillis | null
  /** Windows with end ≤ this can't change any more, and are folded into `states`. */
  readonly settledTo: EpochMillis | null
  /** By index of the key. */
  readonly states: readonly KeyState[]
  /** Alerts that were published and may still change. */
  readonly published: readonly PublishedAlert[]
  /** Alerts that can't change any more and are held back while the watermark is degraded. */
  readonly held: readonly Alert[]
  /** Rows of keys beyond the limit, which nobody watches. */
  readonly unwatched: number
}

export interface PublishedAlert {
  readonly revision: number
  /** As it was published last. */
  readonly alert: Alert
  readonly withdrawn: boolean
}

export const emptyState = (shape: string): DetectorState => ({
  shape,
  groups: [],
  windows: [],
  closedTo: null,
  settledTo: null,
  states: [],
  published: [],
  held: [],
  unwatched: 0,
})

/** A state as JSON can hold it. */
export interface StoredState extends Omit<DetectorState, 'windows'> {
  /** Start, end, keys (each as its distance from the one before), values. */
  readonly windows: readonly (readonly [number, number, readonly number[], readonly number[]])[]
}

export function storedState(state: DetectorState): StoredState {
  return {
    ...state,
    windows: state.windows.map(({ start, end, keys, values }) => {
      const steps = Array.from(keys, (key, i) => (i === 0 ? key : key - keys[i - 1]!))
      return [start, end, steps, Array.from(values)]
    }),
  }
}

export function stateFrom(stored: StoredState): DetectorState {
  return {
    ...stored,
    windows: stored.windows.map(([start, end, steps, values]) => {
      const keys = Int32Array.from(steps)
      for (let i = 1; i < keys.length; i++) keys[i]! += keys[i - 1]!
      return { start, end, keys, values: Float64Array.from(values) }
    }),
  }
}
