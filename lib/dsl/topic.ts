import { type Duration, parseDuration } from '#core/duration.ts'
import { SluiceError } from '#core/errors.ts'
import type { Chain, DeclaredOutput } from '#dsl/declared-output.ts'
import { requireField, requireSnakeCase, requireTopicName } from '#dsl/names.ts'
import { rawInto, type Steps, steps } from '#dsl/rows.ts'
import {
  type EventTimeColumn,
  SCALAR_KINDS,
  type Schema,
  type Shape,
  type ShapeOfSchema,
  type TopicKeyColumn,
} from '#dsl/shape.ts'
import type { DeltaTable } from '#dsl/sinks.ts'
import type { TopicPlan } from '#plan/plan.ts'
import { columnOf } from '#schema/builders.ts'
import type { Fields } from '#schema/column.ts'

export interface TopicOptions<S extends Schema> {
  /** Columns of the records' JSON values, by name. */
  readonly schema: S
  /** Column that producers use as the record key. */
  readonly key?: TopicKeyColumn<ShapeOfSchema<NoInfer<S>>>
  /** Column that says when it happened. */
  readonly eventTime: EventTimeColumn<ShapeOfSchema<NoInfer<S>>>
  /** How far behind the latest event time a record may come and still be in time; `'0 seconds'` where a partition is sorted. */
  readonly outOfOrder: Duration
  /** Partitions to create the topic with. Default 1. */
  readonly partitions?: number
  /** How far an event time may lie after its record's append time before the record is quarantined. Default `'1 hour'`. */
  readonly maxFutureSkew?: Duration
}

/** Columns of a bronze table that it can be clustered by. */
type BronzeColumn = 'topic' | 'partition' | 'offset' | 'append_time' | 'ingest_time'

/** A topic: its rows with `.check`, `.with`, `.select` and `.groupBy`, its records as they came with `.into`. */
export interface Topic<S extends Shape> extends Steps<S> {
  /**
   * Bronze: the records as they came, with topic, partition, offset, append time, key, value and headers.
   *
   * @throws SluiceError COLUMN_UNKNOWN, COLUMN_KIND_INVALID, SINK_COLUMN_UNSUPPORTED
   */
  into(first: DeltaTable<BronzeColumn>, ...rest: readonly DeltaTable<BronzeColumn>[]): DeclaredOutput
}

export const kafka = Object.freeze({
  /**
   * A topic of JSON records.
   *
   * @throws SluiceError NAME_INVALID, DURATION_INVALID, COLUMN_UNKNOWN, COLUMN_KIND_INVALID, PLAN_INVALID
   */
  topic: <const S extends Schema>(name: string, options: TopicOptions<S>): Topic<ShapeOfSchema<S>> => {
    requireTopicName(name)
    const fields = fieldsOf(name, options.schema)
    const topic: TopicPlan = {
      name,
      format: 'json',
      fields,
      key: keyOf(fields, options.key ?? null),
      eventTime: eventTimeOf(fields, options.eventTime),
      outOfOrder: parseDuration(options.outOfOrder, { what: 'outOfOrder', allowZero: true }),
      maxFutureSkew: parseDuration(options.maxFutureSkew ?? '1 hour', { what: 'maxFutureSkew', allowZero: true }),
      partitions: partitionsOf(name, options.partitions ?? 1),
    }
    const chain: Chain = { topic, steps: [], fields }
    return Object.freeze({
      ...steps<ShapeOfSchema<S>>(chain),
      into: (...sinks: readonly DeltaTable[]) => rawInto(chain, sinks),
    })
  },
})

function fieldsOf(topic: string, schema: Schema): Fields {
  const fields = Object.entries(schema).map(([name, definition]) => {
    requireSnakeCase(`column '${name}' of topic '${topic}'`, name)
    return { name, column: columnOf(name, definition) }
  })
  if (fields.length > 0) return fields
  throw new SluiceError(
    'PLAN_INVALID',
    `Expected columns in the schema of topic '${topic}', found none. Add one, such as id: c.long().`,
  )
}

function keyOf(fields: Fields, key: string | null): string | null {
  if (key === null) return null
  const { kind } = requireField(fields, key, 'key').column
  if (SCALAR_KINDS.has(kind)) return key
  throw new SluiceError(
    'COLUMN_KIND_INVALID',
    `Expected a column of text, numbers, times or booleans as key, found '${key}' of kind ${kind}.`,
  )
}

function eventTimeOf(fields: Fields, name: string): string {
  const { kind, nullable } = requireField(fields, name, 'eventTime').column
  if (kind === 'timestamp' && !nullable) return name
  throw new SluiceError(
    'COLUMN_KIND_INVALID',
    `Expected eventTime to be a c.timestamp() column that is not nullable, found '${name}' of kind ${nullable ? 'nullable ' : ''}${kind}. ` +
      'A record without an event time belongs to no window.',
  )
}

function partitionsOf(topic: string, partitions: number): number {
  if (Number.isSafeInteger(partitions) && partitions > 0) return partitions
  throw new SluiceError(
    'PLAN_INVALID',
    `Expected a whole number of partitions, 1 or more, for topic '${topic}', found ${partitions}.`,
  )
}
