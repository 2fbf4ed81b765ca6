import { SluiceError } from '#core/errors.ts'
import { requireField, requireSnakeCase } from '#dsl/names.ts'
import { NUMBER_KINDS, type NumberColumn, type Refused, type RowOf, type Shape } from '#dsl/shape.ts'
import type { DeriveStep, Row } from '#plan/plan.ts'
import type { ComputedColumn } from '#schema/builders.ts'
import type { Column, Fields } from '#schema/column.ts'

/** A derived geo point: null in rows where one of its two columns is. */
export interface PointColumn<Latitude extends string = string, Longitude extends string = string> {
  readonly kind: 'point'
  readonly latitude: Latitude
  readonly longitude: Longitude
}

/** What `.with({ … })` takes: a point or a computed column under each name, which must be new. */
export type Derivations<S extends Shape> = Readonly<
  Record<string, PointColumn<NumberColumn<S>, NumberColumn<S>> | ComputedColumn<RowOf<S>>>
> & { readonly [Name in keyof S]?: Refused<'the rows already have a column of this name'> }

type AnyDerivation = PointColumn | ComputedColumn<never>

type DerivedColumn<S extends Shape, D> =
  D extends ComputedColumn<never, infer C>
    ? C
    : D extends PointColumn<infer Latitude, infer Longitude>
      ? Column<'geo_point', S[Latitude]['nullable'] | S[Longitude]['nullable'] extends false ? false : true>
      : never

export type ShapeOfDerivations<S extends Shape, D> = { readonly [Name in keyof D]: DerivedColumn<S, D[Name]> }

/** A geo point made of two number columns, in degrees: for `.with({ place: point('latitude', 'longitude') })`. */
export function point<const Latitude extends string, const Longitude extends string>(
  latitude: Latitude,
  longitude: Longitude,
): PointColumn<Latitude, Longitude> {
  return Object.freeze({ kind: 'point', latitude, longitude })
}

/** @throws SluiceError NAME_INVALID, NAME_DUPLICATE, COLUMN_UNKNOWN, COLUMN_KIND_INVALID, PLAN_INVALID */
export function deriveStep(fields: Fields, name: string, derivation: AnyDerivation): DeriveStep {
  requireSnakeCase(`derived column '${name}'`, name)
  if (fields.some((field) => field.name === name)) {
    throw new SluiceError(
      'NAME_DUPLICATE',
      `Expected a new name for a derived column, found '${name}', which the rows already have. Choose another one.`,
    )
  }
  if (derivation.kind === 'point') {
    const { latitude, longitude } = derivation
    const nullable = [latitude, longitude].map((part) => requireNumber(fields, name, part)).includes(true)
    return {
      kind: 'derive',
      name,
      column: { kind: 'geo_point', nullable },
      from: { kind: 'point', latitude, longitude },
    }
  }
  if (derivation.kind !== 'function') {
    throw new SluiceError(
      'PLAN_INVALID',
      `Expected point(…) or c.….from((r) => …) as derived column '${name}', found something else. ` +
        `Say what type it has: { ${name}: c.double().from((r) => …) }.`,
    )
  }
  // its row type was checked where it was written
  const compute = derivation.compute as unknown as (row: Row) => unknown
  return { kind: 'derive', name, column: derivation.column, from: { kind: 'function', compute } }
}

/** Whether the column is nullable. */
function requireNumber(fields: Fields, point: string, name: string): boolean {
  const { column } = requireField(fields, name, `a coordinate of point '${point}'`)
  if (NUMBER_KINDS.has(column.kind)) return column.nullable
  throw new SluiceError(
    'COLUMN_KIND_INVALID',
    `Expected the coordinates of point '${point}' in int, long or double columns, found '${name}' of kind ${column.kind}.`,
  )
}
