import { describe, expect, it } from 'vitest'
import type { SluiceError } from '#core/errors.ts'
import { firstAbove, lastRecordOf } from '#runtime/last-record.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { batch, noon } from './builders.ts'

const at = (offsets: readonly number[], values = offsets.map((offset) => `value ${offset}`)): RecordBatch => ({
  ...batch(values, { partition: 3, appendTime: noon() }),
  offsets: Float64Array.from(offsets),
})

function errorOf(act: () => unknown): SluiceError {
  try {
    act()
  } catch (error) {
    return error as SluiceError
  }
  throw new Error('nothing was thrown')
}

describe('the first record above the fence', () => {
  it('is the first of all while there is no fence', () => {
    expect(firstAbove(at([4, 5, 9]), null)).toBe(0)
  })

  it('comes after the one that the fence stands on, gaps or not', () => {
    const records = at([4, 5, 9, 10])
    const fence = (offset: number) => ({ ...lastRecordOf(at([offset])), offset })
    expect([3, 4, 5, 7, 9, 10, 11].map((offset) => firstAbove(records, fence(offset)))).toEqual([0, 1, 2, 2, 3, 4, 4])
  })

  it('is looked for only in offsets that ascend', () => {
    for (const [offsets, found] of [
      [[4, 6, 5], '5 follows 6'],
      [[4, 4], '4 follows 4'],
    ] as const) {
      const error = errorOf(() => firstAbove(at(offsets), null))
      expect(error.code).toBe('OFFSETS_DESCEND')
      expect(error.message).toBe(
        `Offsets of readings/3 must ascend within a batch, but ${found}. ` +
          'Deliver the partition in order (no share group, no queue mode).',
      )
    }
  })
})

describe('a topic that was created again', () => {
  const last = lastRecordOf(at([4, 5]))

  it('is known by another record, appended later, at the offset of the fence', () => {
    const later = { ...at([4, 5, 6], ['value 4', 'another', 'value 6']), timestamps: new Float64Array(3).fill(noon(1)) }
    const error = errorOf(() => firstAbove(later, last))
    expect(error.code).toBe('TOPIC_RECREATED')
    expect(error.message).toBe(
      'Topic readings, partition 3: the record at offset 5 is not the one that was applied. The topic was deleted and ' +
        'created again, so its offsets mean other records. Stop here, and start with an empty data folder.',
    )
    expect(error.details).toEqual({ topic: 'readings', partition: 3, offset: 5 })
  })

  it('is not seen in the same record, whatever its append time', () => {
    const moved = { ...at([4, 5, 6]), timestamps: new Float64Array(3).fill(noon(1)) }
    expect(firstAbove(moved, last)).toBe(2)
  })

  it('is not seen in another record that is not newer, nor where the offset itself is gone', () => {
    expect(firstAbove(at([4, 5, 6], ['value 4', 'another', 'value 6']), last)).toBe(2)
    const compacted = { ...at([3, 6], ['x', 'y']), timestamps: new Float64Array(2).fill(noon(1)) }
    expect(firstAbove(compacted, last)).toBe(1)
  })

  it('is known where the fence stands on a record without a value', () => {
    const tombstone = lastRecordOf(batch([null], { partition: 3, from: 5, appendTime: noon() }))
    expect(tombstone).toEqual({ offset: 5, appendTime: noon(), hash: 0 })
    const later = batch(['not null'], { partition: 3, from: 5, appendTime: noon(1) })
    expect(errorOf(() => firstAbove(later, tombstone)).code).toBe('TOPIC_RECREATED')
  })
})
