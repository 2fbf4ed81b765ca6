import type { FileLayout } from './leaves.ts'
import type { Bounds } from './statistics.ts'

/** 1582-10-15 as a date and 1900-01-01 as a timestamp: before them Spark 3 asks which calendar the writer meant. */
const GREGORIAN_DAY = -141_427
const SPARK_TIMESTAMP_MS = -2_208_988_800_000
const SPARK_TIMESTAMP_MICROS = BigInt(SPARK_TIMESTAMP_MS) * 1000n

/**
 * Spark 3 refuses dates and timestamps that old (SparkUpgradeException, READ_ANCIENT_DATETIME) unless the footer says that
 * they are in the proleptic Gregorian calendar, which it does by the Spark version that wrote the file.
 */
export function sparkKeyValues(layout: FileLayout, totals: readonly Bounds[]): readonly (readonly [string, string])[] {
  const ancient = layout.leaves.some(
    ({ kind }, i) =>
      (kind === 'date' && totals[i]!.min < GREGORIAN_DAY) ||
      (kind === 'timestamp' && totals[i]!.min < SPARK_TIMESTAMP_MS) ||
      (kind.startsWith('timestamp') && (totals[i]!.low ?? 0n) < SPARK_TIMESTAMP_MICROS),
  )
  return ancient ? [['org.apache.spark.version', '3.5.0']] : []
}
