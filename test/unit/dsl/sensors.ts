import type { TopicOptions } from '#dsl/topic.ts'
import { c, kafka } from '../../../lib/index.ts'

export const sensorSchema = {
  id: c.long(),
  taken_at: c.timestamp(),
  sensor: c.string(),
  room: c.string().nullable(),
  alarm: c.boolean(),
  floor: c.int(),
  temperature: c.double().nullable(),
  latitude: c.double(),
  longitude: c.double().nullable(),
  raw: c.binary(),
}

type SensorOptions = TopicOptions<typeof sensorSchema>

/** The topic of these tests, with what a case is about. */
export const sensorTopic = (options: Partial<SensorOptions> = {}) =>
  kafka.topic('readings', { schema: sensorSchema, eventTime: 'taken_at', outOfOrder: '5 minutes', ...options })

/** A value as plain JavaScript would pass it: without a type that could refuse it. */
export const untyped = (value: unknown) => value as never
