/** Hashes of group keys (`hashText`) with from ≤ hash < to. */
export interface HashRange {
  readonly from: number
  readonly to: number
}

const HASHES = 2 ** 32

export const ALL_HASHES: HashRange = { from: 0, to: HASHES }

export const overlap = (a: HashRange, b: HashRange): boolean => a.from < b.to && b.from < a.to

export const isWithin = (hash: number, { from, to }: HashRange): boolean => hash >= from && hash < to
