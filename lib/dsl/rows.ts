import { SluiceError } from '#core/errors.ts'
import { type Chain, type DeclaredOutput, planSinks, type SinkOf } from '#dsl/declared-output.ts'
import { type Derivations, deriveStep, type ShapeOfDerivations } from '#dsl/derive.ts'
import { requireDistinct, requireField } from '#dsl/names.ts'
import type { ColumnName, GroupColumn, HasRows, Merged, RowOf, Shape } from '#dsl/shape.ts'
import { type Grouped, grouped } from '#dsl/windowed.ts'
import { BRONZE_FIELDS, type Row, type Step } from '#plan/plan.ts'
import type { Fields } from '#schema/column.ts'

/** Conditions by name: the name of the one that fails becomes the reason in quarantine. */
export type Checks<S extends Shape> = Readonly<Record<string, (row: RowOf<S>) => boolean>>

/** What may come after the topic, after checks and after derived columns. */
export interface Steps<S extends Shape> extends HasRows<RowOf<S>> {
  /**
   * Rows for which one is false (or throws) go to quarantine, with its name as the reason. A check must depend on nothing but
   * the row: no clock, no randomness, no I/O.
   *
   * @throws SluiceError NAME_DUPLICATE, PLAN_INVALID
   */
  check(checks: Checks<S>): Rows<S>
  /**
   * Adds columns: `point('latitude', 'longitude')`, `h3('place', 8)`, `c.double().from((r) => …)`.
   *
   * @throws SluiceError NAME_INVALID, NAME_DUPLICATE, COLUMN_UNKNOWN, COLUMN_KIND_INVALID, PLAN_INVALID
   */
  with<const D extends Derivations<S>>(columns: D): Rows<Merged<S, ShapeOfDerivations<S, D>>>
  /** Only these columns, in this order, for a table. @throws SluiceError COLUMN_UNKNOWN, NAME_DUPLICATE, PLAN_INVALID */
  select<const Name extends ColumnName<S>>(...columns: readonly Name[]): Selected<Pick<S, Name>>
  /** Groups for windows; without a column all rows are one group. @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, NAME_DUPLICATE */
  groupBy<const Name extends GroupColumn<S> = never>(...columns: readonly Name[]): Grouped<S, Name>
}

/** Rows on their way: checks, derived columns, windows or tables may come next. */
export interface Rows<S extends Shape> extends Steps<S>, Selected<S> {}

/** Rows that go into tables. */
export interface Selected<S extends Shape> extends HasRows<RowOf<S>> {
  /** @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, PRIMARY_KEY_INVALID, SINK_COLUMN_UNSUPPORTED */
  into(first: SinkOf<S>, ...rest: readonly SinkOf<S>[]): DeclaredOutput
}

export function steps<S extends Shape>(chain: Chain): Steps<S> {
  return {
    check: (checks) => rows<S>(withChecks(chain, checks)),
    with: <const D extends Derivations<S>>(columns: D) =>
      rows<Merged<S, ShapeOfDerivations<S, D>>>(withDerived(chain, columns)),
    select: <const Name extends ColumnName<S>>(...columns: readonly Name[]) =>
      selected<Pick<S, Name>>(chain, selectFields(chain.fields, columns)),
    groupBy: <const Name extends GroupColumn<S> = never>(...columns: readonly Name[]) =>
      grouped<S, Name>({ chain, rows: chain.fields, of: null }, columns),
  }
}

function rows<S extends Shape>(chain: Chain): Rows<S> {
  return Object.freeze({ ...steps<S>(chain), ...selected<S>(chain, chain.fields) })
}

function selected<S extends Shape>(chain: Chain, fields: Fields): Selected<S> {
  return Object.freeze({
    into: (...sinks: readonly SinkOf<S>[]): DeclaredOutput => ({
      chain,
      output: {
        kind: 'rows',
        after: chain.steps.length,
        fields,
        sinks: planSinks('rows', fields, sinks, { columns: null, harmless: [] }),
      },
    }),
  })
}

function selectFields(fields: Fields, names: readonly string[]): Fields {
  requireDistinct(names, 'a selected column')
  if (names.length > 0) return names.map((name) => requireField(fields, name, 'a selected column'))
  throw new SluiceError(
    'PLAN_INVALID',
    "Expected at least one column in .select(…), found none. Name one, such as .select('id').",
  )
}

function withChecks<S extends Shape>(chain: Chain, checks: Checks<S>): Chain {
  const added: Step[] = Object.entries(checks).map(([name, test]) => {
    const taken = chain.steps.some((step) => step.kind === 'check' && step.name === name)
    if (name.trim() === '' || taken || typeof test !== 'function') {
      throw new SluiceError(
        taken ? 'NAME_DUPLICATE' : 'PLAN_INVALID',
        `Expected checks as { 'district known': (r) => r.district !== '' }, each with a name of its own, ` +
          `found ${taken ? `a second check '${name}'` : typeof test === 'function' ? 'one without a name' : `'${name}' without a function`}.`,
      )
    }
    // its row type was checked where it was written
    return Object.freeze({ kind: 'check', name, test: test as unknown as (row: Row) => boolean })
  })
  return { ...chain, steps: [...chain.steps, ...added] }
}

function withDerived<S extends Shape>(chain: Chain, columns: Derivations<S>): Chain {
  let { fields } = chain
  const added: Step[] = []
  for (const [name, derivation] of Object.entries(columns)) {
    const step = deriveStep(fields, name, derivation as Parameters<typeof deriveStep>[2])
    fields = [...fields, { name, column: step.column }]
    added.push(step)
  }
  return { ...chain, fields, steps: [...chain.steps, ...added] }
}

/** The sinks of the records as they came. */
export function rawInto(chain: Chain, sinks: Parameters<typeof planSinks>[2]): DeclaredOutput {
  return {
    chain,
    output: { kind: 'raw', sinks: planSinks('raw', BRONZE_FIELDS, sinks, { columns: null, harmless: [] }) },
  }
}
