import { SluiceError } from '#core/errors.ts'
import { requireField, requireSnakeCase } from '#dsl/names.ts'
import { NUMBER_KINDS, type NumberColumn, type PlaceColumn, type Refused, type RowOf, type Shape } from '#dsl/shape.ts'
import type { DeriveStep, Row } from '#plan/plan.ts'
import type { ComputedColumn } from '#schema/builders.ts'
import type { Column, Fields } from '#schema/column.ts'

/** A derived geo point: null in rows where one of its two columns is. */
export interface PointColumn<Latitude extends string = string, Longitude extends string = string> {
  readonly kind: 'point'
  readonly latitude: Latitude
  readonly longitude: Longitude
}

/** A derived H3 cell: null in rows whose point is null, or isn't on Earth. */
export interface CellColumn<Point extends string = string> {
  readonly kind: 'cell'
  readonly point: Point
  readonly resolution: number
}

/** What `.with({ … })` takes: a point, a cell or a computed column under each name, which must be new. */
export type Derivations<S extends Shape> = Readonly<
  Record<string, PointColumn<NumberColumn<S>, NumberColumn<S>> | CellColumn<PlaceColumn<S>> | ComputedColumn<RowOf<S>>>
> & { readonly [Name in keyof S]?: Refused<'the rows already have a column of this name'> }

type AnyDerivation = PointColumn | CellColumn | ComputedColumn<never>

type DerivedColumn<S extends Shape, D> =
  D extends ComputedColumn<never, infer C>
    ? C
    : D extends PointColumn<infer Latitude, infer Longitude>
      ? Column<'geo_point', S[Latitude]['nullable'] | S[Longitude]['nullable'] extends false ? false : true>
      : D extends CellColumn
        ? Column<'string', true>
        : never

export type ShapeOfDerivations<S extends Shape, D> = { readonly [Name in keyof D]: DerivedColumn<S, D[Name]> }

/** A geo point made of two number columns, in degrees: for `.with({ place: point('latitude', 'longitude') })`. */
export function point<const Latitude extends string, const Longitude extends string>(
  latitude: Latitude,
  longitude: Longitude,
): PointColumn<Latitude, Longitude> {
  return Object.freeze({ kind: 'point', latitude, longitude })
}

/**
 * The H3 cell that a geo point lies in, as 15 hex digits: for `.with({ cell: h3('place', 8) })`. Cells of resolution 7 are 5 km² large on
 * average, of 8 0.7 km², of 9 0.1 km².
 */
export function h3<const Point extends string>(point: Point, resolution: number): CellColumn<Point> {
  return Object.freeze({ kind: 'cell', point, resolution })
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
  if (derivation.kind === 'cell') return cellStep(fields, name, derivation)
  if (derivation.kind !== 'function') {
    throw new SluiceError(
      'PLAN_INVALID',
      `Expected point(…), h3(…) or c.….from((r) => …) as derived column '${name}', found something else. ` +
        `Say what type it has: { ${name}: c.double().from((r) => …) }.`,
    )
  }
  // its row type was checked where it was written
  const compute = derivation.compute as unknown as (row: Row) => unknown
  return { kind: 'derive', name, column: derivation.column, from: { kind: 'function', compute } }
}

function cellStep(fields: Fields, name: string, { point: place, resolution }: CellColumn): DeriveStep {
  const { kind } = requireField(fields, place, `the point of cell '${name}'`).column
  if (kind !== 'geo_point') {
    throw new SluiceError(
      'COLUMN_KIND_INVALID',
      `Expected the point of cell '${name}' to be a geo point, found '${place}' of kind ${kind}. ` +
        `Make one first: .with({ place: point('latitude', 'longitude') }).`,
    )
  }
  if (!Number.isInteger(resolution) || resolution < 0 || resolution > 15) {
    throw new SluiceError(
      'PLAN_INVALID',
      `Expected the resolution of cell '${name}' to be a whole number from 0 to 15, found ${resolution}. 8 is a neighbourhood of 0.7 km².`,
    )
  }
  return {
    kind: 'derive',
    name,
    column: { kind: 'string', nullable: true },
    from: { kind: 'cell', point: place, resolution },
  }
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
