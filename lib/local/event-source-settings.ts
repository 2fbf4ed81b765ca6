import { SluiceError } from '#core/errors.ts'
import type { Bytes, Millis } from '#core/time.ts'

/** As AWS::Lambda::EventSourceMapping has them for Kafka; units apart. */
export interface MappingSettings {
  /** Consumer group. */
  readonly group: string
  /** Records in a payload: 1 to 10,000. */
  readonly batchSize: number
  /** How long a payload may wait to fill up: 500 ms (AWS's default), or 0 to 300 whole seconds. */
  readonly batchWindow: Millis
  /** Size of the payload as event JSON; default and maximum 6 MiB. */
  readonly maxPayload?: Bytes
  /** Dealt to this poller; default: all, and those that are added later. */
  readonly partitions?: readonly number[]
  /** Where a group begins that has never committed; default TRIM_HORIZON. Partitions added later begin at their start. */
  readonly startingPosition?: 'TRIM_HORIZON' | 'LATEST'
}

/** What a synchronous invocation of a Lambda function takes. */
export const PAYLOAD_MAX: Bytes = 6 * 1024 * 1024

/** Refuses what AWS would refuse at deploy. @throws SluiceError PLAN_INVALID */
export function checkSettings(settings: MappingSettings): void {
  const { group, batchSize, batchWindow, maxPayload = PAYLOAD_MAX, partitions, startingPosition } = settings
  if (!/^[A-Za-z0-9/*:_+=.@-]{1,200}$/.test(group)) {
    refuse('group', 'a consumer group of 1 to 200 of the characters A-Z a-z 0-9 / * : _ + = . @ -', `"${group}"`)
  }
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 10_000) {
    refuse('batchSize', 'a whole number of records from 1 to 10,000', `${batchSize}`)
  }
  const wholeSeconds = Number.isInteger(batchWindow / 1000) && batchWindow >= 0 && batchWindow <= 300_000
  if (!wholeSeconds && batchWindow !== 500) {
    refuse('batchWindow', 'whole seconds from 0 to 300, or the default of 500 ms', `${batchWindow} ms`)
  }
  if (!Number.isInteger(maxPayload) || maxPayload < 1 || maxPayload > PAYLOAD_MAX) {
    refuse('maxPayload', `1 to ${PAYLOAD_MAX} bytes (6 MiB)`, `${maxPayload}`)
  }
  const distinct = partitions === undefined || new Set(partitions).size === partitions.length
  if (!distinct || partitions?.some((partition) => !Number.isInteger(partition) || partition < 0)) {
    refuse('partitions', 'distinct partitions, counted from 0', `[${partitions?.join(', ')}]`)
  }
  if (startingPosition !== undefined && startingPosition !== 'TRIM_HORIZON' && startingPosition !== 'LATEST') {
    refuse('startingPosition', 'TRIM_HORIZON or LATEST', `${startingPosition}`)
  }
}

function refuse(setting: string, expected: string, found: string): never {
  throw new SluiceError(
    'PLAN_INVALID',
    `Event-source mapping: expected ${setting} to be ${expected}, found ${found}. AWS would refuse it at deploy: change it.`,
    { details: { setting } },
  )
}
