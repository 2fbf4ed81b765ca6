import type { ColumnDefinition } from '#schema/builders.ts'
import type { Column, ColumnKind, ColumnValue } from '#schema/column.ts'

/** What the user writes as `schema`. */
export type Schema = Readonly<Record<string, ColumnDefinition>>

/** Column types by name: what the compiler knows of rows at one point of the chain. */
export type Shape = Readonly<Record<string, Column>>

// `& {}` and the `infer` below have one purpose: the compiler then shows columns and names, not the aliases they came by.

export type ShapeOfSchema<S extends Schema> = { readonly [Name in keyof S]: S[Name]['column'] } & {}

/** A row as user functions see it. */
export type RowOf<S extends Shape> = { readonly [Name in keyof S]: ColumnValue<S[Name]> } & {}

declare const row: unique symbol

/** Something that has rows: the compiler remembers of what type. Nothing is there at run time. */
export interface HasRows<Row> {
  readonly [row]?: Row
}

/** The row type of a topic, of rows or of a window's results: `type Crime = InferRow<typeof crimes>`. */
export type InferRow<T extends HasRows<unknown>> = T extends HasRows<infer Row> ? Row : never

/** Columns of both. */
export type Merged<A extends Shape, B extends Shape> = {
  readonly [Name in keyof A | keyof B]: Name extends keyof B ? B[Name] : Name extends keyof A ? A[Name] : never
} & {}

/** Names of the columns of some kinds, nullable or not. */
export type NamesOfKind<S extends Shape, Kind extends ColumnKind> = keyof {
  [Name in keyof S & string as S[Name]['kind'] extends Kind ? Name : never]: unknown
}

/** Names of the columns that can't be null. */
export type RequiredNames<S extends Shape> = keyof {
  [Name in keyof S & string as S[Name]['nullable'] extends false ? Name : never]: unknown
}

/**
 * A type that no value has, for its message: it stands beside the names that are allowed, so that the compiler shows the reason
 * when it refuses another one.
 */
export type Refused<Reason extends string> = { readonly [Key in `error: ${Reason}`]: never }

/** One of some column names, with the reason why others are refused. */
export type NameOf<Names extends string, Reason extends string> = [Names] extends [infer Allowed extends string]
  ? Allowed | (string & Refused<Reason>)
  : never

/** Kinds with an order that all sinks agree on. */
export type OrderedKind = 'string' | 'int' | 'long' | 'double' | 'timestamp' | 'date'
export type NumberKind = 'int' | 'long' | 'double'
/** Kinds that name a group, or a row: neither bytes nor points. */
export type ScalarKind = OrderedKind | 'boolean'

export type ColumnName<S extends Shape> = NameOf<
  keyof { [Name in keyof S & string as Name]: unknown },
  'select takes columns of the rows'
>
export type GroupColumn<S extends Shape> = NameOf<
  NamesOfKind<S, ScalarKind>,
  'groupBy takes columns of the rows that are text, numbers, times or booleans'
>
export type NumberColumn<S extends Shape> = NameOf<
  NamesOfKind<S, NumberKind>,
  'only int, long and double columns are numbers'
>
export type PlaceColumn<S extends Shape> = NameOf<
  NamesOfKind<S, 'geo_point'>,
  'h3 takes a geo point, such as one of point(…)'
>
export type BooleanColumn<S extends Shape> = NameOf<
  NamesOfKind<S, 'boolean'>,
  'countIf counts the rows in which a boolean column is true'
>
export type OrderedColumn<S extends Shape> = NameOf<
  NamesOfKind<S, OrderedKind>,
  'min and max take columns of text, numbers or times'
>
export type ScalarColumn<S extends Shape> = NameOf<
  NamesOfKind<S, ScalarKind>,
  'first, last, distinct, topK and collect take columns of text, numbers, times or booleans'
>
export type ClusterColumn<S extends Shape> = NameOf<
  NamesOfKind<S, ScalarKind>,
  'clusterBy takes columns of the output that are text, numbers, times or booleans'
>
export type KeyColumn<S extends Shape> = NameOf<
  NamesOfKind<S, ScalarKind> & RequiredNames<S>,
  'primaryKey takes columns of the output that are not nullable, and neither points nor bytes'
>
export type EventTimeColumn<S extends Shape> = NameOf<
  NamesOfKind<S, 'timestamp'> & RequiredNames<S>,
  'eventTime is a c.timestamp() column that is not nullable'
>
export type TopicKeyColumn<S extends Shape> = NameOf<
  NamesOfKind<S, ScalarKind>,
  'key is a column of the schema that is text, a number, a time or a boolean'
>

export const NUMBER_KINDS: ReadonlySet<ColumnKind> = new Set<NumberKind>(['int', 'long', 'double'])
export const ORDERED_KINDS: ReadonlySet<ColumnKind> = new Set<OrderedKind>([
  'string',
  'int',
  'long',
  'double',
  'timestamp',
  'date',
])
export const SCALAR_KINDS: ReadonlySet<ColumnKind> = new Set<ScalarKind>([
  ...(ORDERED_KINDS as ReadonlySet<OrderedKind>),
  'boolean',
])
