import type { EpochMillis } from '#core/time.ts'

/** What is wrong with a record that ends in quarantine. */
export type Flaw = 'tombstone' | 'not json' | 'no time' | 'no door' | 'negative' | 'clock in 2099'

/** A record that a schedule feeds; `id` is its name everywhere. */
export interface Fed {
  readonly id: number
  readonly partition: number
  readonly at: EpochMillis
  readonly who: string
  readonly amount: number | null
  readonly weight: number | null
  readonly tag: string | null
  readonly flag: boolean
  readonly flaw: Flaw | null
}

/** Doors belong to partitions, so that there is a latest record of each. */
export const doorOf = ({ id, partition }: Fed): string => `door ${partition}/${id % 3}`

const IN_2099: EpochMillis = Date.UTC(2099, 0, 1)

/** The record's value; null for a tombstone. */
export function recordValue(record: Fed): string | null {
  const { flaw, id, who, amount, weight, tag, flag } = record
  if (flaw === 'tombstone') return null
  const time = flaw === 'no time' ? null : new Date(flaw === 'clock in 2099' ? IN_2099 : record.at).toISOString()
  const json = JSON.stringify({
    id,
    at: time,
    who,
    door: flaw === 'no door' ? null : doorOf(record),
    amount: flaw === 'negative' ? -1 : amount,
    weight,
    tag,
    flag,
  })
  return flaw === 'not json' ? json.slice(0, -1) : json
}
