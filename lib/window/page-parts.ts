import { hashText } from '#core/hash.ts'
import type { EpochMillis } from '#core/time.ts'
import type { LateEntry, LateSlice, Page, SliceState } from '#window/page.ts'

/** Which part a group goes to, by the hash of its key and the start of its slice. A late entry has its event time for the latter. */
export type PartOf = (hash: number, time: EpochMillis) => number

interface Draft {
  readonly slices: Map<number, SliceState>
  readonly lateSlices: LateSlice[]
  readonly late: LateEntry[]
}

/** The page's groups and late entries dealt out to `count` parts. States are shared with the page, which is not to be used any more. */
export function partsOfPage(page: Page, count: number, partOf: PartOf): readonly Page[] {
  const parts: Draft[] = Array.from({ length: count }, () => ({ slices: new Map(), lateSlices: [], late: [] }))
  const hashes = new Map<string, number>()
  const deal = (state: SliceState, start: EpochMillis): readonly (SliceState | undefined)[] => {
    const dealt: (SliceState | undefined)[] = new Array(count).fill(undefined)
    state.forEach((groups, output) => {
      for (const [key, states] of groups ?? []) {
        const part = partOf(hashOf(hashes, key), start)
        let own = dealt[part]
        if (own === undefined) {
          own = new Array<undefined>(state.length).fill(undefined)
          dealt[part] = own
        }
        let ownGroups = own[output]
        if (ownGroups === undefined) {
          ownGroups = new Map()
          own[output] = ownGroups
        }
        ownGroups.set(key, states)
      }
    })
    return dealt
  }
  for (const [start, state] of page.slices) {
    deal(state, start).forEach((own, part) => {
      if (own !== undefined) parts[part]!.slices.set(start, own)
    })
  }
  for (const { start, missedUpTo, state } of page.lateSlices) {
    deal(state, start).forEach((own, part) => {
      if (own !== undefined) parts[part]!.lateSlices.push({ start, missedUpTo, state: own })
    })
  }
  for (const entry of page.late) parts[partOf(entry.hash, entry.eventTime)]!.late.push(entry)
  return parts
}

function hashOf(known: Map<string, number>, key: string): number {
  let hash = known.get(key)
  if (hash === undefined) {
    hash = hashText(key)
    known.set(key, hash)
  }
  return hash
}

/** Whether the page holds groups, or late entries, with more than one hash. */
export function hasSeveralHashes(page: Page): boolean {
  let first: number | undefined
  const states = [...page.slices.values(), ...page.lateSlices.map(({ state }) => state)]
  for (const state of states) {
    for (const groups of state) {
      for (const key of groups?.keys() ?? []) {
        const hash = hashText(key)
        first ??= hash
        if (hash !== first) return true
      }
    }
  }
  first ??= page.late[0]?.hash
  return page.late.some(({ hash }) => hash !== first)
}
