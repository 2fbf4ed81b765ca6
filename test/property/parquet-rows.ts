import fc from 'fast-check'
import { decimalText } from '#parquet/decimal.ts'
import type { ParquetColumn, ParquetItem, ParquetType } from '#parquet/rows-writer.ts'

/** Random schemas, nested to three levels, and rows of them in the form in which they are read back. */

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.constantFrom('a', 'b', ''))
const long = fc.oneof(
  fc.maxSafeInteger().map((n): number | bigint => n + 0),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n)),
)
const micros = fc
  .integer({ min: -9_007_199_254_740_991, max: 9_007_199_254_740_991 })
  .map((value) => (value + 0) / 1000)

export const PRIMITIVES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  boolean: fc.boolean(),
  byte: fc.integer({ min: -128, max: 127 }),
  short: fc.integer({ min: -32768, max: 32767 }),
  int: fc.integer(),
  long,
  float: fc.float(),
  double: fc.double(),
  string: text,
  binary: fc.uint8Array({ maxLength: 20 }),
  date: fc.integer(),
  timestamp: micros,
  timestamp_ntz: micros,
}

const primitive = fc.constantFrom(...(Object.keys(PRIMITIVES) as Extract<ParquetType, string>[]))
const decimal = fc.integer({ min: 1, max: 38 }).chain((precision) =>
  fc.record({
    kind: fc.constant('decimal' as const),
    precision: fc.constant(precision),
    scale: fc.integer({ min: 0, max: precision }),
  }),
)

const typeOf = (depth: number): fc.Arbitrary<ParquetType> => {
  if (depth === 0) return fc.oneof(primitive, decimal)
  const item: fc.Arbitrary<ParquetItem> = fc.record({ type: typeOf(depth - 1), nullable: fc.boolean() })
  const key = fc.record({
    type: fc.constantFrom('string' as const, 'int' as const, 'long' as const, 'date' as const),
    nullable: fc.constant(false),
  })
  return fc.oneof(
    { weight: 2, arbitrary: primitive },
    { weight: 1, arbitrary: decimal },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('list' as const), element: item }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('map' as const), key, value: item }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('struct' as const),
        fields: fc
          .array(item, { minLength: 1, maxLength: 3 })
          .map((items) => items.map((one, i) => ({ ...one, name: `f${i}` }))),
      }),
    },
  )
}

const itemValue = ({ type, nullable }: ParquetItem): fc.Arbitrary<unknown> => {
  const value = presentValue(type)
  return nullable ? fc.option(value, { freq: 3 }) : value
}

const presentValue = (type: ParquetType): fc.Arbitrary<unknown> => {
  if (typeof type === 'string') return PRIMITIVES[type]!
  switch (type.kind) {
    case 'decimal': {
      const max = 10n ** BigInt(type.precision) - 1n
      return fc.bigInt({ min: -max, max }).map((unscaled) => decimalText(unscaled, type.scale))
    }
    case 'list':
      return fc.array(itemValue(type.element), { maxLength: 3 })
    case 'map':
      return fc
        .array(fc.tuple(itemValue(type.key), itemValue(type.value)), { maxLength: 3 })
        .map((pairs) => new Map(pairs))
    case 'struct':
      return fc.record(Object.fromEntries(type.fields.map((field) => [field.name, itemValue(field)])), {
        noNullPrototype: true,
      })
  }
}

export interface RowsCase {
  readonly columns: readonly ParquetColumn[]
  readonly rows: readonly Record<string, unknown>[]
  readonly rowGroupRows: number
}

/** Rows come in runs, because levels and indexes are encoded by runs. */
export const rowsCase = (depth: number): fc.Arbitrary<RowsCase> =>
  fc
    .array(fc.record({ type: typeOf(depth), nullable: fc.boolean() }), { minLength: 1, maxLength: 6 })
    .map((items) => items.map((item, i): ParquetColumn => ({ ...item, name: `c${i}` })))
    .chain((columns) =>
      fc.record({
        columns: fc.constant(columns),
        rows: fc
          .array(
            fc.tuple(
              fc.record(Object.fromEntries(columns.map((column) => [column.name, itemValue(column)])), {
                noNullPrototype: true,
              }),
              fc.integer({ min: 1, max: 12 }),
            ),
            { minLength: 1, maxLength: 12 },
          )
          .map((runs) => runs.flatMap(([row, times]) => new Array<Record<string, unknown>>(times).fill(row))),
        rowGroupRows: fc.integer({ min: 1, max: 100 }),
      }),
    )
