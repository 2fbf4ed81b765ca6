import { SluiceError } from '#core/errors.ts'
import { timestampParser } from '#core/timestamp-format.ts'
import type { Column, ColumnKind, TimestampFormat, ValueOf } from '#schema/column.ts'

/** What a function that computes a column of this type returns. */
type Computed<Kind extends ColumnKind, Nullable extends boolean> = Nullable extends true
  ? ValueOf[Kind] | null
  : ValueOf[Kind]

/** A column in the making: `column` is its type as plain data. */
export interface ColumnDefinition<Kind extends ColumnKind = ColumnKind, Nullable extends boolean = boolean> {
  readonly column: Column<Kind, Nullable>
  /** The same column, which may be null; in JSON also missing. */
  nullable(): ColumnDefinition<Kind, true>
  /**
   * A derived column, for `.with({ … })`: the function gets a row and returns the value. It must depend on nothing but the row:
   * no clock, no randomness, no I/O. Where it throws or returns what the column can't hold, the record is quarantined.
   */
  from<Row>(compute: (row: Row) => Computed<Kind, Nullable>): ComputedColumn<Row, Column<Kind, Nullable>>
}

/** A derived column that a function computes. */
export interface ComputedColumn<Row, C extends Column = Column> {
  readonly kind: 'function'
  readonly column: C
  readonly compute: (row: Row) => unknown
}

export interface TimestampOptions {
  /** `iso` (ISO 8601, the default) or a Java-style pattern such as `MM/dd/yyyy hh:mm:ss a`. */
  readonly format?: string
  /** IANA zone of text without an offset of its own. Default `UTC`. */
  readonly zone?: string
}

function define<Kind extends ColumnKind, Nullable extends boolean>(
  kind: Kind,
  nullable: Nullable,
  format?: TimestampFormat,
): ColumnDefinition<Kind, Nullable> {
  const column: Column<Kind, Nullable> = Object.freeze(
    format === undefined ? { kind, nullable } : { kind, nullable, format },
  )
  return Object.freeze({
    column,
    nullable: () => define(kind, true, format),
    from: <Row>(compute: (row: Row) => Computed<Kind, Nullable>) =>
      Object.freeze({ kind: 'function' as const, column, compute }),
  })
}

/** The types that columns can have. `c.long().nullable()` is a long that may be missing. */
export const c = Object.freeze({
  string: () => define('string', false),
  boolean: () => define('boolean', false),
  /** 32-bit signed integer. */
  int: () => define('int', false),
  /** 64-bit signed integer; whole numbers up to 2^53 are exact, larger ones are quarantined. */
  long: () => define('long', false),
  double: () => define('double', false),
  /** An instant, to the millisecond. @throws SluiceError TIMESTAMP_FORMAT_INVALID, TIME_ZONE_UNKNOWN */
  timestamp: ({ format = 'iso', zone = 'UTC' }: TimestampOptions = {}) => {
    timestampParser(format, zone)
    return define('timestamp', false, Object.freeze({ pattern: format, zone }))
  },
  /** A day of the calendar, `2018-06-01`. */
  date: () => define('date', false),
  binary: () => define('binary', false),
  /** A point in WGS 84: a struct of doubles in Delta, two columns in SQL. */
  geoPoint: () => define('geo_point', false),
})

/** Whether a value was made by `c`: plain JavaScript may put anything into a schema. */
function isColumnDefinition(value: unknown): value is ColumnDefinition {
  return typeof value === 'object' && value !== null && 'column' in value && 'nullable' in value && 'from' in value
}

/** @throws SluiceError PLAN_INVALID when a schema's entry was not made by `c` */
export function columnOf(name: string, value: unknown): Column {
  if (isColumnDefinition(value)) return value.column
  throw new SluiceError(
    'PLAN_INVALID',
    `Expected the type of column "${name}", such as c.string(), found ${value === null ? 'null' : typeof value}. ` +
      `Types of columns are made by 'c': c.string(), c.long(), c.timestamp() …, each with .nullable().`,
  )
}
