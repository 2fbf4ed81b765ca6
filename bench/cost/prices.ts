import type { StateUsage } from '../../test/support/metered-state.ts'

/**
 * US dollars, us-east-1, on demand, as read in 2026: https://aws.amazon.com/dynamodb/pricing/on-demand/,
 * https://aws.amazon.com/lambda/pricing/ (arm64), https://aws.amazon.com/eventbridge/pricing/ (Scheduler).
 */
const PER_MILLION = { writeUnits: 0.625, readUnits: 0.125, invocations: 0.2, schedules: 1 }
const PER_GB_SECOND = 0.0000133334

export const stateDollars = ({ writeUnits, readUnits }: Pick<StateUsage, 'writeUnits' | 'readUnits'>): number =>
  (writeUnits * PER_MILLION.writeUnits + readUnits * PER_MILLION.readUnits) / 1e6

/** A function on a schedule: `count` invocations of so many GB-seconds. */
export const scheduleDollars = (count: number, gbSeconds: number): number =>
  (count * (PER_MILLION.invocations + PER_MILLION.schedules)) / 1e6 + count * gbSeconds * PER_GB_SECOND
