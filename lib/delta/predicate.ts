import { SluiceError } from '#core/errors.ts'
import type { AddFile } from '#delta/actions.ts'
import { type ColumnPath, resolveColumn } from '#delta/column-path.ts'
import { parseDecimal } from '#delta/decimal-text.ts'
import { type FileBounds, type FileStatistics, fileStatistics } from '#delta/file-bounds.ts'
import type { TableLayout } from '#delta/layout.ts'
import { literalKey, type Ordering, orderingOf, type SortKey } from '#delta/ordering.ts'
import { decimalType, type Scalar } from '#delta/scalar.ts'
import { typeText } from '#delta/schema-json.ts'

/** A value that a column is compared with; text also stands for numbers, decimals, dates (`2024-05-01`) and timestamps (ISO 8601). */
export type PredicateValue = Scalar | Date | null

/** Tests of one column, all of which must hold. Comparisons with a null value are unknown, as in SQL, and unknown is no match. */
export interface Comparison {
  /** Null asks for null. */
  readonly eq?: PredicateValue
  /** Null asks for anything but null. */
  readonly ne?: PredicateValue
  readonly lt?: PredicateValue
  readonly lte?: PredicateValue
  readonly gt?: PredicateValue
  readonly gte?: PredicateValue
  readonly in?: readonly PredicateValue[]
  readonly isNull?: boolean
}

/** Columns by name, or by path (`address.city`); a name with dots, or that is `and`, `or` or `not`, goes in backticks. */
export interface ColumnTests {
  readonly [column: string]: PredicateValue | Comparison | readonly Predicate[]
}

/**
 * Which rows: `{ district: '011', date: { gte: '2024-05-01' } }`, and `and`, `or` and `not` of such. Plain data, JSON but for bigints
 * and bytes. Text is ordered by code point; NaN equals NaN, and is neither above nor below anything.
 */
export type Predicate =
  | ColumnTests
  | { readonly and: readonly Predicate[] }
  | { readonly or: readonly Predicate[] }
  | { readonly not: Predicate }

/** A predicate that was checked against the columns of a table. */
export interface CompiledPredicate {
  /** Top-level columns that it looks at. */
  readonly columns: readonly string[]
  /** Whether it holds for a row, which has at least `columns`. */
  matches(row: Readonly<Record<string, unknown>>): boolean
  /** False only when no row of the file can match, by partition values and statistics. */
  mayMatch(file: AddFile): boolean
  /** True only when every row of the file matches. */
  allMatch(file: AddFile): boolean
  /** As `mayMatch`, by statistics of whatever rows. */
  mayMatchBy(statistics: FileStatistics): boolean
}

/**
 * @throws SluiceError DELTA_SCHEMA_MISMATCH for a column that the table has not, DELTA_PREDICATE_INVALID for a test that does not fit
 * its column
 */
export function compilePredicate(where: Predicate, layout: TableLayout, table: string): CompiledPredicate {
  const columns = new Set<string>()
  const node = compileNode(where, { layout, table, columns })
  const outcomes = (file: AddFile): number => node.outcomes(fileStatistics(file, layout, table))
  return {
    columns: [...columns],
    matches: (row) => node.evaluate(row) === TRUE,
    mayMatch: (file) => (outcomes(file) & TRUE) !== 0,
    allMatch: (file) => outcomes(file) === TRUE,
    mayMatchBy: (statistics) => (node.outcomes(statistics) & TRUE) !== 0,
  }
}

/** The truth of SQL, as bits: several of them where all that is known of a row is its file. */
const TRUE = 1
const FALSE = 2
const UNKNOWN = 4

interface Node {
  evaluate(row: Readonly<Record<string, unknown>>): number
  /** All that it may be for rows of a file. */
  outcomes(file: FileStatistics): number
}

interface Scope {
  readonly layout: TableLayout
  readonly table: string
  readonly columns: Set<string>
}

function compileNode(where: unknown, scope: Scope): Node {
  if (typeof where !== 'object' || where === null || Array.isArray(where)) {
    throw invalid(scope.table, `an object as predicate, found ${JSON.stringify(where) ?? 'nothing'}`)
  }
  const parts = Object.entries(where).map(([key, value]) => {
    if (key === 'and' || key === 'or') {
      if (!Array.isArray(value)) throw invalid(scope.table, `"${key}" to have a list of predicates`)
      const nodes = value.map((part) => compileNode(part, scope))
      return key === 'and' ? both(nodes) : negation(both(nodes.map(negation)))
    }
    if (key === 'not') return negation(compileNode(value, scope))
    return compileColumn(key, value, scope)
  })
  return parts.length === 1 ? parts[0]! : both(parts)
}

/** False if any is false, else unknown if any is unknown. */
function both(nodes: readonly Node[]): Node {
  const fold = (values: readonly number[]): number => {
    let all = TRUE
    for (const value of values) {
      const mayBeTrue = all & value & TRUE
      const mayBeFalse = (all | value) & FALSE
      const mayBeUnknown =
        ((all & UNKNOWN) !== 0 && (value & (TRUE | UNKNOWN)) !== 0) ||
        ((value & UNKNOWN) !== 0 && (all & (TRUE | UNKNOWN)) !== 0)
      all = mayBeTrue | mayBeFalse | (mayBeUnknown ? UNKNOWN : 0)
    }
    return all
  }
  return {
    evaluate: (row) => {
      let result = TRUE
      for (const node of nodes) {
        const value = node.evaluate(row)
        if (value === FALSE) return FALSE
        if (value === UNKNOWN) result = UNKNOWN
      }
      return result
    },
    outcomes: (file) => fold(nodes.map((node) => node.outcomes(file))),
  }
}

function negation(node: Node): Node {
  const swap = (value: number): number => ((value & TRUE) << 1) | ((value & FALSE) >> 1) | (value & UNKNOWN)
  return { evaluate: (row) => swap(node.evaluate(row)), outcomes: (file) => swap(node.outcomes(file)) }
}

function compileColumn(name: string, tests: unknown, scope: Scope): Node {
  const column = resolveColumn(name, scope.layout, scope.table)
  scope.columns.add(column.path[0]!)
  if (!isComparison(tests)) return compileTest(column, 'eq', tests, scope)
  const nodes = Object.entries(tests).map(([test, value]) => compileTest(column, test, value, scope))
  if (nodes.length === 0) throw invalid(scope.table, `a test of column ${name}, such as {"eq": 1}, found {}`)
  return nodes.length === 1 ? nodes[0]! : both(nodes)
}

function isComparison(tests: unknown): tests is Comparison {
  return (
    typeof tests === 'object' &&
    tests !== null &&
    !(tests instanceof Date) &&
    !(tests instanceof Uint8Array) &&
    !Array.isArray(tests)
  )
}

function compileTest(column: ColumnPath, test: string, value: unknown, scope: Scope): Node {
  switch (test) {
    case 'isNull':
      if (typeof value !== 'boolean') throw invalid(scope.table, `"isNull" of ${column.name} to be true or false`)
      return value ? nullTest(column) : negation(nullTest(column))
    case 'eq':
      return value === null ? nullTest(column) : valueTest(column, 'eq', [value], scope)
    case 'ne':
      return negation(value === null ? nullTest(column) : valueTest(column, 'eq', [value], scope))
    case 'lt':
    case 'gt':
      return valueTest(column, test, [value], scope)
    case 'lte':
      return valueTest(column, 'lte', [value], scope)
    case 'gte':
      return valueTest(column, 'gte', [value], scope)
    case 'in':
      return compileIn(column, value, scope)
    default:
      throw invalid(
        scope.table,
        `a test of ${column.name} that is eq, ne, lt, lte, gt, gte, in or isNull, found ${JSON.stringify(test)}`,
      )
  }
}

function compileIn(column: ColumnPath, values: unknown, scope: Scope): Node {
  if (!Array.isArray(values)) throw invalid(scope.table, `"in" of ${column.name} to have a list of values`)
  const present = values.filter((value) => value !== null)
  const test = valueTest(column, 'eq', present, scope)
  return present.length === values.length ? test : negation(both([negation(test), negation(nullTest(column))]))
}

function nullTest(column: ColumnPath): Node {
  return {
    evaluate: (row) => (column.valueIn(row) === null ? TRUE : FALSE),
    outcomes: (file) => {
      const { nulls, values } = file.presence(column)
      return (nulls ? TRUE : 0) | (values ? FALSE : 0)
    },
  }
}

type Relation = 'eq' | 'lt' | 'lte' | 'gt' | 'gte'

/** True when the value is in the relation to any of `literals`. */
function valueTest(column: ColumnPath, relation: Relation, literals: readonly unknown[], scope: Scope): Node {
  const { type } = column
  const ordering = typeof type === 'string' ? orderingOf(type, scaleFor(type, literals)) : undefined
  if (ordering === undefined || typeof type !== 'string') {
    throw invalid(
      scope.table,
      `a column with an order, found ${column.name}, which is ${typeText(type)}: only isNull can be asked of it`,
    )
  }
  const keys = literals.map((value) => {
    const key = isScalar(value) ? literalKey(type, ordering, value) : undefined
    if (key !== undefined) return key
    throw invalid(scope.table, `a value of type ${type} to compare ${column.name} with, found ${describe(value)}`)
  })
  const holds = relationTest(relation, keys, ordering)
  return {
    evaluate: (row) => {
      const value = column.valueIn(row)
      return value === null ? UNKNOWN : holds(ordering.key(value)) ? TRUE : FALSE
    },
    outcomes: (file) => {
      const bounds = file.bounds(column, ordering)
      const unknown = bounds.nulls ? UNKNOWN : 0
      return bounds.values ? unknown | outcomesOf(relation, keys, bounds, ordering) : unknown
    },
  }
}

function relationTest(relation: Relation, keys: readonly SortKey[], { compare }: Ordering): (key: SortKey) => boolean {
  if (relation === 'eq') {
    return (key) =>
      keys.some((wanted) =>
        isNaNKey(key) || isNaNKey(wanted) ? isNaNKey(key) && isNaNKey(wanted) : compare(key, wanted) === 0,
      )
  }
  const wanted = keys[0]!
  if (isNaNKey(wanted)) return () => false
  switch (relation) {
    case 'lt':
      return (key) => !isNaNKey(key) && compare(key, wanted) < 0
    case 'lte':
      return (key) => !isNaNKey(key) && compare(key, wanted) <= 0
    case 'gt':
      return (key) => !isNaNKey(key) && compare(key, wanted) > 0
    default:
      return (key) => !isNaNKey(key) && compare(key, wanted) >= 0
  }
}

function outcomesOf(relation: Relation, keys: readonly SortKey[], bounds: FileBounds, ordering: Ordering): number {
  const { compare, partial } = ordering
  const { low, high } = bounds
  if (keys.some(isNaNKey)) return TRUE | FALSE
  const nan = partial ? FALSE : 0
  /** Whether values below, equal to, and above the key may be there. */
  const below = (key: SortKey): boolean => low === undefined || compare(low, key) < 0
  const above = (key: SortKey): boolean => high === undefined || compare(high, key) > 0
  const within = (key: SortKey): boolean =>
    (low === undefined || compare(low, key) <= 0) && (high === undefined || compare(high, key) >= 0)
  if (relation === 'eq') {
    const same = keys.length > 0 && low !== undefined && high !== undefined && compare(low, high) === 0
    if (same && keys.some((key) => compare(key, low) === 0)) return TRUE | nan
    return FALSE | (keys.some(within) ? TRUE : 0)
  }
  const key = keys[0]!
  const [yes, no] =
    relation === 'lt'
      ? [below(key), above(key) || within(key)]
      : relation === 'lte'
        ? [below(key) || within(key), above(key)]
        : relation === 'gt'
          ? [above(key), below(key) || within(key)]
          : [above(key) || within(key), below(key)]
  return nan | (yes ? TRUE : 0) | (no ? FALSE : 0)
}

function scaleFor(type: string, literals: readonly unknown[]): number {
  let scale = decimalType(type)?.scale ?? 0
  for (const value of literals) {
    if (typeof value === 'string' || typeof value === 'number')
      scale = Math.max(scale, parseDecimal(String(value))?.scale ?? 0)
  }
  return scale
}

function isScalar(value: unknown): value is Scalar | Date {
  return typeof value !== 'object' ? value !== undefined : value instanceof Uint8Array || value instanceof Date
}

function isNaNKey(key: SortKey): boolean {
  return typeof key === 'number' && Number.isNaN(key)
}

function describe(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  return typeof value === 'object' && value !== null ? 'an object' : (JSON.stringify(value) ?? 'nothing')
}

function invalid(table: string, expected: string): SluiceError {
  return new SluiceError(
    'DELTA_PREDICATE_INVALID',
    `Can't filter the rows of ${table}: expected ${expected}. Change the predicate.`,
    {
      details: { table },
    },
  )
}
