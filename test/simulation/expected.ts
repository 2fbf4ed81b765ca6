import { type EpochMillis, HOUR } from '#core/time.ts'
import type { Appended, Simulation } from './simulation.ts'

/** The default of a topic: an event time so far after the append time isn't believed. */
const MAX_FUTURE_SKEW = HOUR

/** What must be said of a record, whatever the schedule. */
export interface Judged extends Appended {
  readonly isGood: boolean
  /** Its event time is not believed. */
  readonly inFuture: boolean
  /**
   * The watermark can't have been above this before the record was appended, nor be until it is applied: a window that ends after
   * it waits for the record.
   */
  readonly bound: EpochMillis
}

/** The records in the order in which they were appended. */
export function judged({ appended, schedule }: Simulation): readonly Judged[] {
  const { outOfOrder } = schedule.plan
  let newest = Number.NEGATIVE_INFINITY
  let ahead = Number.NEGATIVE_INFINITY
  return appended.map((record) => {
    // All partitions caught up, event time goes on with the clock from any of the records.
    const bound = Math.max(newest, ahead + record.appendTime) - outOfOrder
    const inFuture = record.at > record.appendTime + MAX_FUTURE_SKEW
    const isGood = record.flaw === null && !inFuture
    if (isGood) {
      newest = Math.max(newest, record.at)
      ahead = Math.max(ahead, record.at - record.appendTime)
    }
    return { ...record, isGood, inFuture, bound }
  })
}

export const placeOf = ({ partition, offset }: { readonly partition: unknown; readonly offset: unknown }): string =>
  `${partition}/${offset}`

/** What is in one and not in the other, a few of them. */
export function compare(what: string, found: readonly string[], wanted: readonly string[]): readonly string[] {
  const left = new Map<string, number>()
  for (const one of wanted) left.set(one, (left.get(one) ?? 0) + 1)
  const extra: string[] = []
  for (const one of found) {
    const count = left.get(one) ?? 0
    if (count === 0) extra.push(one)
    else left.set(one, count - 1)
  }
  const missing = [...left].filter(([, count]) => count > 0).map(([one]) => one)
  return [
    ...extra.slice(0, 3).map((one) => `${what}: must not have ${one}`),
    ...missing.slice(0, 3).map((one) => `${what}: lacks ${one}`),
  ]
}
