import type { EpochMillis } from '#core/time.ts'

export type Cell = string | number | boolean | null

const TIME = /^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?$/

export const isTime = (value: unknown): value is string => typeof value === 'string' && TIME.test(value)

/** Text without a zone is UTC. */
export function timeOf(text: string): EpochMillis {
  const iso = text.replace(' ', 'T')
  return Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(iso) ? iso : iso.length === 10 ? `${iso}T00:00Z` : `${iso}Z`)
}

/** One form for what other projects print in many: times as epoch milliseconds, numbers as numbers, to 12 digits. */
export function canonical(value: unknown): Cell {
  if (value === null || value === undefined || typeof value === 'boolean') return value ?? null
  if (isTime(value)) return timeOf(value)
  const text = String(value)
  const number = Number(text)
  return text.trim() !== '' && Number.isFinite(number) ? Number(number.toPrecision(12)) : text
}

/** What is in one list and not in the other, as reasons; none when they are the same multiset. */
export function differences(found: readonly unknown[], expected: readonly unknown[]): readonly string[] {
  const left = new Map<string, number>()
  const count = (row: unknown, by: number): void => {
    const text = JSON.stringify(row)
    left.set(text, (left.get(text) ?? 0) + by)
  }
  for (const row of found) count(row, 1)
  for (const row of expected) count(row, -1)
  return [...left].flatMap(([row, by]) => {
    if (by === 0) return []
    return [by > 0 ? `unexpected (${by}): ${row}` : `missing (${-by}): ${row}`]
  })
}

/** Reasons when two lists differ in order or content. */
export function inOrder(found: readonly unknown[], expected: readonly unknown[]): readonly string[] {
  const same = JSON.stringify(found) === JSON.stringify(expected)
  if (same) return []
  const reasons = differences(found, expected)
  return reasons.length > 0 ? reasons : ['the same rows in another order']
}
