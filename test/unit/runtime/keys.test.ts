import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  closeAppId,
  lakeGroup,
  lateGroup,
  pageGroup,
  pageId,
  pageIdPrefix,
  parsePageId,
  partitionAppId,
  partitionId,
} from '#runtime/keys.ts'

const scope = { plan: { name: 'rooms', topic: { name: 'readings' } }, fingerprint: 'f1' }
const changed = { ...scope, fingerprint: 'f2' }

/** Pages of the shortest slices, a millisecond, reach this far in all times that a Date can hold. */
const index = fc.integer({ min: -(2 ** 40), max: 2 ** 40 })
const partition = fc.integer({ min: 0, max: 99_999 })

describe('page ids', () => {
  it('sort like their time, negative indexes included, then by partition', () => {
    const places = [-(2 ** 39), -65_537, -17, -1, 0, 1, 15, 16, 255, 65_536, 2 ** 39]
    const ids = places.flatMap((at) => [0, 9, 10, 12_345].map((of) => pageId(at, of)))
    expect(ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))).toEqual(ids)
  })

  it('of any two pages sort as their places do', () => {
    fc.assert(
      fc.property(index, partition, index, partition, (a, p, b, q) => {
        const byId = Buffer.compare(Buffer.from(pageId(a, p)), Buffer.from(pageId(b, q)))
        expect(byId).toBe(Math.sign(a === b ? p - q : a - b))
      }),
    )
  })

  it('give back index and partition', () => {
    fc.assert(
      fc.property(index, partition, (at, of) => {
        expect(parsePageId(pageId(at, of))).toEqual({ index: at, partition: of })
      }),
    )
  })

  it('of one index lie between its prefix and the next, whatever the partition', () => {
    for (const at of [-1, 0, 15]) {
      expect(pageId(at, 0) >= pageIdPrefix(at)).toBe(true)
      expect(pageId(at, 99_999) < pageIdPrefix(at + 1)).toBe(true)
    }
  })
})

describe('names of state', () => {
  it('outlive a change of the windows for the lake, and not for the windows', () => {
    expect(lakeGroup(changed)).toBe(lakeGroup(scope))
    expect(partitionAppId(changed, 3)).toBe(partitionAppId(scope, 3))
    expect(pageGroup(changed)).not.toBe(pageGroup(scope))
    expect(lateGroup(changed)).not.toBe(lateGroup(scope))
    expect(closeAppId(changed, 'per_hour')).not.toBe(closeAppId(scope, 'per_hour'))
  })

  it('differ by partition and by output', () => {
    expect(partitionAppId(scope, 3)).toBe('sluice/rooms/readings/3')
    expect(partitionAppId(scope, 4)).not.toBe(partitionAppId(scope, 3))
    expect(closeAppId(scope, 'hopping')).not.toBe(closeAppId(scope, 'per_hour'))
    expect([11, 2].map(partitionId).sort()).toEqual(['00002', '00011'])
  })
})
