import type { EpochMillis } from '#core/time.ts'

/** What a column holds. The right-hand side is the JavaScript type that user code sees. */
export interface ValueOf {
  string: string
  boolean: boolean
  /** 32-bit signed integer. */
  int: number
  /** 64-bit signed integer in Delta and SQL; here a safe integer (|n| < 2^53): a larger one is quarantined, never rounded. */
  long: number
  double: number
  /** An instant, to the millisecond. Delta and Parquet hold microseconds, UTC. */
  timestamp: EpochMillis
  /** Days since 1970-01-01. */
  date: number
  binary: Uint8Array
  /** A point in WGS 84. `geo_point` in OpenSearch, a struct of doubles in Delta, two columns in SQL. */
  geo_point: GeoPoint
  /** The headers of a Kafka record, in order, names may repeat. Only bronze has such a column. */
  headers: readonly RecordHeader[]
}

export type ColumnKind = keyof ValueOf

export interface GeoPoint {
  readonly latitude: number
  readonly longitude: number
}

export interface RecordHeader {
  readonly name: string
  readonly value: Uint8Array | null
}

/** How text becomes a timestamp. Text that carries its own offset (`Z`, `+02:00`) ignores `zone`. */
export interface TimestampFormat {
  /** A Java-style pattern (`MM/dd/yyyy hh:mm:ss a`), or `iso` for ISO 8601. */
  readonly pattern: string
  /** IANA zone of wall-clock text without an offset. */
  readonly zone: string
}

/** The type of one column: plain, frozen, JSON-serialisable data. */
export interface Column<Kind extends ColumnKind = ColumnKind, Nullable extends boolean = boolean> {
  readonly kind: Kind
  readonly nullable: Nullable
  /** Only for timestamps. */
  readonly format?: TimestampFormat
}

/** A named column: what tables, batches and sinks are made of. */
export interface Field {
  readonly name: string
  readonly column: Column
}

export type Fields = readonly Field[]

/** JavaScript type of a column's value. */
export type ColumnValue<C extends Column> =
  C extends Column<infer K, infer N> ? (N extends true ? ValueOf[K] | null : ValueOf[K]) : never
