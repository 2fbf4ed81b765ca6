import type { DuckDBType, DuckDBValue, DuckDBValueConverter, Json } from '@duckdb/node-api'

type DuckDb = typeof import('@duckdb/node-api')

/** Makes of a value one that JSON can hold. */
export type JsonConverter = DuckDBValueConverter<Json>

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The package's own, but for whole numbers (numbers where exact), instants (ISO 8601, UTC), intervals and bytes that are UTF-8 (text). */
export function jsonValues(duckdb: DuckDb): JsonConverter {
  const { DuckDBTypeId, JsonDuckDBValueConverter } = duckdb
  const whole = new Set<number>([
    DuckDBTypeId.BIGINT,
    DuckDBTypeId.UBIGINT,
    DuckDBTypeId.HUGEINT,
    DuckDBTypeId.UHUGEINT,
  ])
  return (value: DuckDBValue, type: DuckDBType, converter: JsonConverter) => {
    if (value === null) return null
    if (whole.has(type.typeId)) return wholeNumber(value as bigint)
    if (type.typeId === DuckDBTypeId.TIMESTAMP_TZ) {
      const instant = value as { readonly micros: bigint; readonly isFinite: boolean }
      return instant.isFinite ? isoInstant(instant.micros) : instant.micros > 0n ? 'infinity' : '-infinity'
    }
    if (type.typeId === DuckDBTypeId.BLOB) {
      const text = textOf(value as { readonly bytes: Uint8Array })
      if (text !== undefined) return text
    }
    // As SQL prints it (1 day 01:00:00), not as the months, days and microseconds that it is made of.
    if (type.typeId === DuckDBTypeId.INTERVAL) return String(value)
    return JsonDuckDBValueConverter(value, type, converter)
  }
}

function textOf({ bytes }: { readonly bytes: Uint8Array }): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

function wholeNumber(value: bigint): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

/** Milliseconds, or microseconds where there are some. */
function isoInstant(micros: bigint): string {
  const rest = ((micros % 1_000n) + 1_000n) % 1_000n
  const millis = Number((micros - rest) / 1_000n)
  if (Math.abs(millis) > 8.64e15) return `${micros} µs`
  const iso = new Date(millis).toISOString()
  return rest === 0n ? iso : iso.replace('Z', `${String(rest).padStart(3, '0')}Z`)
}
